//! Turns of other tasks, between messages that are always there already.

use tokio::task::yield_now;

/// Messages that a task handles before others have their turn.
const MAX_IN_A_ROW: u8 = 64;

/// Counts the messages that a task handles, since a server that never pauses must not keep the thread.
///
/// It costs less than the budget of the runtime, which transports spend besides.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    handled: u8,
}

impl Pace {
    /// Whether it is the turn of others, after one more message: see [`pause`](Self::pause).
    #[inline]
    pub(crate) fn is_over(&mut self) -> bool {
        self.handled += 1;
        self.handled >= MAX_IN_A_ROW
    }

    /// Lets other tasks run.
    pub(crate) async fn pause(&mut self) {
        self.handled = 0;
        yield_now().await;
    }
}

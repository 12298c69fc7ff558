//! Cooperative yielding while messages are always ready.

use tokio::task::yield_now;

/// Maximum number of messages that a task handles before it yields.
const MAX_IN_A_ROW: u8 = 64;

/// Counts the messages that a task handles, since a server that never pauses must not block the thread.
///
/// Costs less than the runtime's budget, which transports use in addition.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    handled: u8,
}

impl Pace {
    /// Counts one more message, and returns whether to yield: see [`pause`](Self::pause).
    #[inline]
    pub(crate) fn is_over(&mut self) -> bool {
        self.handled += 1;
        self.handled >= MAX_IN_A_ROW
    }

    /// Yields to other tasks.
    pub(crate) async fn pause(&mut self) {
        self.handled = 0;
        yield_now().await;
    }
}

use std::{
    fmt,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

/// Records when a user was last being waited for, for example to fill in a form.
///
/// While a user is being asked, silence of the server is not idle time. The layer that enforces an idle time-out checks
/// the hold when the time-out elapses, and measures from [`held_until`](Self::held_until). Clones share one state.
///
/// ```
/// use mcp_transport::Hold;
///
/// let hold = Hold::new();
/// assert!(hold.held_until().is_none());
/// let form = hold.begin();
/// assert!(hold.is_held());
/// drop(form);
/// assert!(!hold.is_held() && hold.held_until().is_some());
/// ```
#[doc(alias = "timeout")]
#[derive(Clone, Default)]
pub struct Hold(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    begun: Notify,
}

#[derive(Default)]
struct State {
    open: usize,
    last: Option<Instant>,
}

impl Hold {
    /// Creates a hold that was never held.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts to wait for a user, until the guard is dropped.
    pub fn begin(&self) -> HoldGuard {
        self.state().open += 1;
        self.0.begun.notify_waiters();
        HoldGuard(self.clone())
    }

    /// Waits until a user is being waited for. Cancel safe.
    pub async fn held(&self) {
        loop {
            let mut begun = pin!(self.0.begun.notified());
            // Registered before the check, so that no start is missed.
            begun.as_mut().enable();
            if self.is_held() {
                return;
            }
            begun.await;
        }
    }

    /// Whether a user is being waited for.
    pub fn is_held(&self) -> bool {
        self.state().open > 0
    }

    /// When a user was last waited for: now, if one is. `None` if there was none yet.
    pub fn held_until(&self) -> Option<Instant> {
        let state = self.state();
        match state.open {
            0 => state.last,
            _ => Some(Instant::now()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("is_held", &self.is_held()).finish()
    }
}

/// Keeps a [`Hold`] held until it is dropped; see [`Hold::begin`].
#[derive(Debug)]
#[must_use = "the hold ends when the guard is dropped"]
pub struct HoldGuard(Hold);

impl Drop for HoldGuard {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open -= 1;
        state.last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tasks_that_wait_for_a_hold_are_woken() {
        let hold = Hold::new();
        let waiting = hold.clone();
        let waiter = tokio::spawn(async move { waiting.held().await });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        let form = hold.begin();
        waiter.await.expect("it does not panic");
        hold.held().await;
        drop(form);
        assert!(!hold.is_held());
    }
}

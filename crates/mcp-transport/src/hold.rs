use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

/// Records when a user was last being waited for, such as one who fills in a form.
///
/// While a user is asked, the silence of a server is not an idle time. The layer that enforces an idle
/// time-out checks the hold when the time-out elapses, and measures from
/// [`held_until`](Self::held_until). Clones share one state.
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
pub struct Hold(Arc<Mutex<State>>);

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
        HoldGuard(self.clone())
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

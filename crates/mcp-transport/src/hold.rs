use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

/// Says when a person was last waited for, such as one who fills in a form.
///
/// Silence of a server that waits for a person is not the server's: whoever limits it asks the hold before
/// giving up, and counts from when nobody was waited for any more. Clones are handles of the same hold.
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
#[derive(Clone, Default)]
pub struct Hold(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    open: usize,
    last: Option<Instant>,
}

impl Hold {
    /// Nobody was waited for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody is waited for, until the guard is dropped.
    pub fn begin(&self) -> HoldGuard {
        self.state().open += 1;
        HoldGuard(self.clone())
    }

    /// Whether somebody is waited for.
    pub fn is_held(&self) -> bool {
        self.state().open > 0
    }

    /// When somebody was last waited for: now, if somebody is.
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

/// Somebody is waited for as long as this lives: see [`Hold::begin`].
#[derive(Debug)]
#[must_use = "nobody is waited for when it is dropped"]
pub struct HoldGuard(Hold);

impl Drop for HoldGuard {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open -= 1;
        state.last = Some(Instant::now());
    }
}

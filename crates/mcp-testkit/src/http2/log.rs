use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// Observations of a server.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) requests: Mutex<Vec<String>>,
    pub(super) connections: AtomicUsize,
    pub(super) open: AtomicUsize,
    pub(super) pings: AtomicUsize,
}

impl Log {
    pub(super) fn requests(&self) -> MutexGuard<'_, Vec<String>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count_ping(&self) {
        self.pings.fetch_add(1, Ordering::SeqCst);
    }
}

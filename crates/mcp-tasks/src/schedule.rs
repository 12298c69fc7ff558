use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::state::{TaskState, TaskStatus};

/// Default poll interval.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Bounds of the server's poll interval.
pub(crate) const MIN_POLL_INTERVAL: Duration = Duration::from_millis(100);
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// The time of a task's last poll, and the poll interval since then. Shared by all handles of the task in this program.
#[derive(Clone, Default)]
pub(crate) struct PollSchedule(Arc<Mutex<Option<(Instant, Duration)>>>);

impl PollSchedule {
    /// Records the response to a poll sent at `at`.
    pub(crate) fn polled(&self, at: Instant, state: &TaskState) {
        let interval = match state.status {
            TaskStatus::Working | TaskStatus::Other(_) => poll_interval(state),
            // The next poll has new state to find.
            _ => Duration::ZERO,
        };
        *self.lock() = Some((at, interval));
    }

    /// The last poll and the interval after it; `None` before the first.
    pub(crate) fn last(&self) -> Option<(Instant, Duration)> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn poll_interval(state: &TaskState) -> Duration {
    state.poll_interval().unwrap_or(POLL_INTERVAL).clamp(MIN_POLL_INTERVAL, MAX_POLL_INTERVAL)
}

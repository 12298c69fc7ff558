use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::state::{TaskState, TaskStatus};

/// The poll interval where the server names none.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The bounds of a poll interval that the server names.
pub(crate) const MIN_POLL_INTERVAL: Duration = Duration::from_millis(100);
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// When a task was last polled, and the poll interval from then on. All handles of the task in this program
/// share it.
#[derive(Clone, Default)]
pub(crate) struct PollSchedule(Arc<Mutex<Option<(Instant, Duration)>>>);

impl PollSchedule {
    /// The server answered a poll of this time.
    pub(crate) fn polled(&self, at: Instant, state: &TaskState) {
        let interval = match state.status {
            TaskStatus::Working | TaskStatus::Other(_) => poll_interval(state),
            // The next poll has more to find.
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

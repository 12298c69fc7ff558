use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{TaskState, TaskStatus};

/// The wait between two questions where the server names none, and its bounds where it does.
const INTERVAL: Duration = Duration::from_secs(1);
pub(crate) const MIN_INTERVAL: Duration = Duration::from_millis(100);
const MAX_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// When the server was last asked about a task, and how long it wants to be left alone from then on. All who
/// hold the task in this program share it.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Option<(Instant, Duration)>>>);

impl Asked {
    /// Remembers what was said to a question of this time.
    pub(crate) fn said(&self, at: Instant, state: &TaskState) {
        let wait = match state.status {
            TaskStatus::Working | TaskStatus::Other(_) => interval(state),
            // There is more to be heard of it at once.
            _ => Duration::ZERO,
        };
        *self.lock() = Some((at, wait));
    }

    /// When it is time for the next question; `None` for the first.
    pub(crate) fn next(&self) -> Option<(Instant, Duration)> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn interval(state: &TaskState) -> Duration {
    state.poll_interval().unwrap_or(INTERVAL).clamp(MIN_INTERVAL, MAX_INTERVAL)
}

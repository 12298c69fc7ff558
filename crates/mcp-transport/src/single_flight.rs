use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OnceCell;

/// Deduplicates concurrent work: one caller runs it, and concurrent callers share its outcome.
///
/// If the future of the running caller is dropped, the next waiting caller runs its own work. To bound the
/// wait, wrap [`run`](Self::run) in a time-out. The outcome is not cached: it is dropped when the last
/// waiting caller has received it.
///
/// ```
/// # use mcp_transport::util::SingleFlight;
/// # async fn example() {
/// let flight = SingleFlight::new();
/// assert_eq!(flight.run(|| async { 1 }).await, 1);
/// # }
/// ```
pub struct SingleFlight<T>(Mutex<Weak<OnceCell<T>>>);

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self(Mutex::new(Weak::new()))
    }
}

impl<T: Clone> SingleFlight<T> {
    /// Creates an idle instance.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for the outcome of the work in progress, or runs `work` if there is none.
    ///
    /// Cancel safe: if the future is dropped while it runs `work`, that work is dropped and the next
    /// waiting caller runs its own.
    pub async fn run<F: Future<Output = T>>(&self, work: impl FnOnce() -> F) -> T {
        let flight = self.join();
        flight.get_or_init(work).await.clone()
    }

    /// Returns the work in progress, or a new cell.
    fn join(&self) -> Arc<OnceCell<T>> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A finished cell may still be held by callers that have not read its outcome.
        current.upgrade().filter(|flight| !flight.initialized()).unwrap_or_else(|| {
            let flight = Arc::default();
            *current = Arc::downgrade(&flight);
            flight
        })
    }
}

impl<T> fmt::Debug for SingleFlight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use tokio::time::{sleep, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn concurrent_callers_share_the_outcome_and_a_later_one_runs_again() {
        let flight = Arc::new(SingleFlight::new());
        let runs = Arc::new(AtomicUsize::new(0));
        let run = || {
            let (flight, runs) = (Arc::clone(&flight), Arc::clone(&runs));
            tokio::spawn(async move {
                let work = || async {
                    sleep(SECOND).await;
                    runs.fetch_add(1, Ordering::SeqCst)
                };
                flight.run(work).await
            })
        };
        let all: Vec<_> = (0..10).map(|_| run()).collect();
        for task in all {
            assert_eq!(task.await.unwrap(), 0);
        }
        assert_eq!(run().await.unwrap(), 1);
        assert_eq!(flight.0.lock().unwrap().strong_count(), 0, "the outcome is not cached");
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_caller_runs_when_the_first_is_dropped() {
        let flight = SingleFlight::new();
        let first = timeout(SECOND, flight.run(std::future::pending));
        let second = flight.run(|| async { 2 });
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_err());
        assert_eq!(second, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_times_out_does_not_affect_the_others() {
        let flight = SingleFlight::new();
        let slow = flight.run(|| async {
            sleep(3 * SECOND).await;
            1
        });
        let impatient = timeout(SECOND, flight.run(|| async { 2 }));
        let patient = flight.run(|| async { 3 });
        let (slow, impatient, patient) = tokio::join!(slow, impatient, patient);
        assert_eq!((slow, patient), (1, 1));
        assert!(impatient.is_err());
    }
}

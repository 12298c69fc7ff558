use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OnceCell;

/// One caller does the work; those who arrive meanwhile wait, and share its outcome.
///
/// Dropping the caller that works leaves the work to the next one that waits. Callers that want to wait
/// for a limited time put a time-out around [`run`](Self::run). The outcome is kept only as long as
/// somebody waits for it.
pub struct SingleFlight<T>(Mutex<Weak<OnceCell<T>>>);

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self(Mutex::new(Weak::new()))
    }
}

impl<T: Clone> SingleFlight<T> {
    /// Nobody works.
    pub fn new() -> Self {
        Self::default()
    }

    /// The outcome of the work that is under way, or else of the caller's own `work`.
    ///
    /// Cancel safe: see the type.
    pub async fn run<F: Future<Output = T>>(&self, work: impl FnOnce() -> F) -> T {
        let flight = self.join();
        flight.get_or_init(work).await.clone()
    }

    /// The flight that is under way, or a new one.
    fn join(&self) -> Arc<OnceCell<T>> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is over may still be held by those who have not read its outcome.
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
    async fn those_who_wait_share_the_outcome_and_the_next_one_works_again() {
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
        assert_eq!(flight.0.lock().unwrap().strong_count(), 0, "no outcome is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_one_works_when_the_first_is_dropped() {
        let flight = SingleFlight::new();
        let first = timeout(SECOND, flight.run(std::future::pending));
        let second = flight.run(|| async { 2 });
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_err());
        assert_eq!(second, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_waiting_changes_nothing() {
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

//! The state of a server, for load balancers and supervisors.

use std::{
    fmt,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

/// How long the outcome of a check is used for further requests.
const MAX_AGE: Duration = Duration::from_secs(2);
/// How long a request waits for a check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

type Check = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync>;

type Outcome = Result<(), String>;

/// The readiness check of a listener. At most one check is in progress: it runs in a task, so that it completes although
/// the requests that wait for it are dropped, such as a check that starts a process.
pub(crate) struct Readiness {
    check: Option<Check>,
    latest: watch::Sender<Option<(Instant, Outcome)>>,
    /// The check in progress. Aborted on drop.
    tasks: Mutex<JoinSet<()>>,
}

impl Readiness {
    /// Always ready.
    pub(crate) fn always() -> Self {
        Self { check: None, latest: watch::Sender::new(None), tasks: Mutex::default() }
    }

    pub(crate) fn of<F, E>(check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let check: Check = Box::new(move || {
            let checking = check();
            Box::pin(async move { checking.await.map_err(|cause| cause.to_string()) })
        });
        Self { check: Some(check), ..Self::always() }
    }

    /// The outcome of the check: one that is at most 2 s old, or that of a new one.
    pub(crate) async fn outcome(&self) -> Outcome {
        let Some(check) = &self.check else { return Ok(()) };
        let mut latest = self.latest.subscribe();
        {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, outcome)) = &*latest.borrow_and_update()
                && at.elapsed() < MAX_AGE
            {
                return outcome.clone();
            }
            while tasks.try_join_next().is_some() {}
            if tasks.is_empty() {
                let (checking, done) = (check(), self.latest.clone());
                tasks.spawn(async move {
                    let outcome = checking.await;
                    done.send_replace(Some((Instant::now(), outcome)));
                });
            }
        }
        let changed = timeout(CHECK_TIMEOUT, latest.changed()).await;
        match (changed, &*latest.borrow()) {
            (Ok(Ok(())), Some((_, outcome))) => outcome.clone(),
            _ => Err(format!("the check takes longer than {} s", CHECK_TIMEOUT.as_secs())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_requests_are_one_check() {
        let checks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&checks);
        let readiness = Readiness::of(move || {
            let count = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if count == 0 { Ok(()) } else { Err("gone") }
            }
        });
        let all = join_all((0..10_000).map(|_| readiness.outcome())).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(checks.load(Ordering::SeqCst), 1);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(readiness.outcome().await.unwrap_err(), "gone");
        assert_eq!(checks.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_check_is_reported_and_completes() {
        let readiness = Readiness::of(|| async {
            tokio::time::sleep(Duration::from_secs(8)).await;
            Ok::<_, String>(())
        });
        let slow = readiness.outcome().await.unwrap_err();
        assert!(slow.contains("5 s"), "{slow}");
        assert_eq!(readiness.outcome().await, Ok(()), "the same check");
    }

    #[tokio::test]
    async fn a_check_that_panics_is_not_ready() {
        tokio::time::pause();
        let readiness = Readiness::of(|| async {
            assert!(std::hint::black_box(false), "a defect of the check");
            Ok::<_, String>(())
        });
        assert!(readiness.outcome().await.is_err());
        assert!(readiness.outcome().await.is_err());
    }
}

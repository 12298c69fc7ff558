//! Shared work: many callers wait for one task, which continues without them.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::error::{Error, ErrorKind};

/// Whether the work produced a new token. `false`: none, and the refusal is the response.
pub(crate) type Outcome = Result<bool, Error>;

/// The work on the tokens of one server: one task at a time.
#[derive(Debug, Default)]
pub(crate) struct Flight(Mutex<Option<Running>>);

#[derive(Clone, Debug)]
struct Running {
    outcome: watch::Receiver<Option<Outcome>>,
    kind: FlightKind,
    abort: AbortHandle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlightKind {
    Load,
    /// Never cancelled: a refresh token that was sent once is spent.
    Refresh,
    /// Waits for a user.
    Login,
}

/// Waits for the running work.
pub(crate) struct Waiting {
    outcome: watch::Receiver<Option<Outcome>>,
    /// Whether the running work is the requested work.
    pub(crate) is_own: bool,
}

impl Flight {
    /// Starts work of this kind unless work is already running, and waits for the running one.
    pub(crate) fn join<W>(&self, kind: FlightKind, work: impl FnOnce() -> W) -> Waiting
    where
        W: Future<Output = Outcome> + Send + 'static,
    {
        let mut running = self.lock();
        if let Some(running) = &*running
            && running.outcome.has_changed().is_ok()
            && running.outcome.borrow().is_none()
        {
            return Waiting { outcome: running.outcome.clone(), is_own: running.kind == kind };
        }
        let (sender, outcome) = watch::channel(None);
        let work = work();
        let task = tokio::spawn(async move {
            let done = work.await;
            sender.send_replace(Some(done));
        });
        let abort = task.abort_handle();
        *running = Some(Running { outcome: outcome.clone(), kind, abort });
        Waiting { outcome, is_own: true }
    }

    /// Whether a login is waiting for a user.
    pub(crate) fn is_login(&self) -> bool {
        let running = self.lock();
        running
            .as_ref()
            .is_some_and(|it| it.kind == FlightKind::Login && it.outcome.has_changed().is_ok())
    }

    /// Stops waiting for a user.
    pub(crate) fn end_login(&self) {
        if let Some(running) = &*self.lock()
            && running.kind == FlightKind::Login
        {
            running.abort.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Waits for the outcome. Cancel safe: the work continues.
    pub(crate) async fn done(mut self) -> Outcome {
        let ended = || Error::new(ErrorKind::LoginRequired, "the login was cancelled");
        let outcome = self.outcome.wait_for(Option::is_some).await.map_err(|_| ended())?;
        outcome.clone().unwrap_or_else(|| Err(ended()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn work_continues_without_its_callers() {
        let flight = Flight::default();
        let (go, runs) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let work = || {
            let (go, runs) = (Arc::clone(&go), Arc::clone(&runs));
            async move {
                go.notified().await;
                runs.fetch_add(1, Ordering::SeqCst);
                Ok(true)
            }
        };
        drop(flight.join(FlightKind::Login, work));
        assert!(flight.is_login());
        let second = flight.join(FlightKind::Refresh, work);
        assert!(!second.is_own);
        go.notify_one();
        assert!(second.done().await.unwrap());
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert!(!flight.is_login());
        let third = flight.join(FlightKind::Login, work);
        assert!(third.is_own);
        flight.end_login();
        assert_eq!(third.done().await.unwrap_err().kind(), ErrorKind::LoginRequired);
    }
}

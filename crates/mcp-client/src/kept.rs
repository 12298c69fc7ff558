//! Sessions kept open between connects.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use mcp_session::{Error, Session, Verdict};
use mcp_transport::{Binding, util::SingleFlight};

#[derive(Default)]
pub(crate) struct Kept {
    session: Mutex<Option<Session>>,
    /// Shared by concurrent connects. `None` if the opened session is not shared.
    opening: SingleFlight<Result<Option<Session>, Error>>,
    /// Whether sessions with this server are kept if no setting decides. Set by the first session.
    by_default: OnceLock<bool>,
    verdict: Mutex<Option<Verdict>>,
    #[cfg(feature = "config")]
    group: OnceLock<mcp_group::Group>,
}

impl Kept {
    /// The kept session, or one from `open`, which is kept if `keep` is true. If `keep` is `None`, it is kept if the
    /// connection is a pipe.
    pub(crate) async fn session<F>(
        &self,
        keep: Option<bool>,
        open: impl Fn() -> F,
    ) -> Result<Session, Error>
    where
        F: Future<Output = Result<Session, Error>>,
    {
        loop {
            if keep.or_else(|| self.by_default.get().copied()) == Some(false) {
                return open().await;
            }
            if let Some(session) = self.current() {
                return Ok(session);
            }
            let mut own = None;
            let start = async {
                let session = open().await?;
                let keep = keep.unwrap_or_else(|| {
                    *self.by_default.get_or_init(|| is_kept_by_default(&session))
                });
                if keep {
                    *lock(&self.session) = Some(session.clone());
                    return Ok(Some(session));
                }
                own = Some(session);
                Ok(None)
            };
            let shared = self.opening.run(|| start).await?;
            if let Some(session) = shared.or(own) {
                return Ok(session);
            }
        }
    }

    /// The kept session if it is still open.
    fn current(&self) -> Option<Session> {
        let mut kept = lock(&self.session);
        // A dead session is dropped before a new one is opened.
        kept.take_if(|session| session.is_closed());
        kept.clone()
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        lock(&self.verdict).clone()
    }

    pub(crate) fn set_verdict(&self, verdict: &Verdict) {
        *lock(&self.verdict) = Some(verdict.clone());
    }

    /// The kept group, or the one from `build`.
    #[cfg(feature = "config")]
    pub(crate) fn group(&self, build: impl FnOnce() -> mcp_group::Group) -> mcp_group::Group {
        self.group.get_or_init(build).clone()
    }

    /// Closes the kept session, after a start in progress.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        // If the start fails, the connects that wait for it get the error.
        let _ = self.opening.run(|| async { Ok(None) }).await;
        let session = lock(&self.session).take();
        let closed = match session {
            Some(session) => session.close().await,
            None => Ok(()),
        };
        #[cfg(feature = "config")]
        if let Some(group) = self.group.get() {
            return group.close().await.and(closed);
        }
        closed
    }
}

/// Pipes are kept: a process takes long to start and is shared anyway.
fn is_kept_by_default(session: &Session) -> bool {
    session.connection().binding == Binding::Pipe
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

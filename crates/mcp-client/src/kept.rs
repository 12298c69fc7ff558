//! What a client keeps between one connect and the next.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mcp_session::{Error, ErrorKind, Session, Verdict};

#[derive(Default)]
pub(crate) struct Kept {
    /// Held while a session is opened, so that connects at the same time share it.
    session: tokio::sync::Mutex<Option<Session>>,
    verdict: Mutex<Option<Verdict>>,
    #[cfg(feature = "config")]
    group: std::sync::OnceLock<mcp_group::Group>,
}

impl Kept {
    /// The session that is open, or the one that `open` gives; waits up to `limit` for another start.
    pub(crate) async fn session(
        &self,
        limit: Duration,
        open: impl Future<Output = Result<Session, Error>>,
    ) -> Result<Session, Error> {
        let mut kept = tokio::time::timeout(limit, self.session.lock()).await.map_err(|_| {
            let message = format!("a start that was under way took longer than {limit:?}");
            Error::new(ErrorKind::Timeout, "this client", message)
        })?;
        if let Some(session) = kept.as_ref().filter(|session| !session.is_closed()) {
            return Ok(session.clone());
        }
        // What is dead goes before anything takes its place.
        *kept = None;
        let session = open.await?;
        *kept = Some(session.clone());
        Ok(session)
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The group that is there, or the one that `make` gives.
    #[cfg(feature = "config")]
    pub(crate) fn group(&self, make: impl FnOnce() -> mcp_group::Group) -> mcp_group::Group {
        self.group.get_or_init(make).clone()
    }

    pub(crate) fn found(&self, verdict: &Verdict) {
        let mut kept = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(verdict.clone());
    }

    pub(crate) async fn close(&self) -> Result<(), Error> {
        let session = self.session.lock().await.take();
        #[cfg(feature = "config")]
        if let Some(group) = self.group.get() {
            return group.close().await;
        }
        match session {
            Some(session) => session.close().await,
            None => Ok(()),
        }
    }
}

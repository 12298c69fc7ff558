use std::sync::Arc;

use tokio::sync::watch;

use crate::{Error, ErrorKind};

/// The state of a session's end, and its reason.
#[derive(Debug)]
pub(crate) struct Closing(watch::Sender<Option<Error>>);

impl Default for Closing {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Closing {
    /// Closes the session. Only the first reason counts.
    pub(crate) fn close(&self, reason: Error) {
        self.0.send_if_modified(|current| {
            let is_first = current.is_none();
            current.get_or_insert(reason);
            is_first
        });
    }

    /// The session is closed, since its connection has ended.
    pub(crate) fn over(&self, server: &Arc<str>, reason: Option<mcp_transport::Error>) {
        let closed = Error::new(ErrorKind::Closed, Arc::clone(server), "the connection has ended");
        self.close(match reason {
            Some(reason) if reason.is_closed() => Error::from_transport(Arc::clone(server), reason),
            Some(reason) => closed.with_source(reason),
            None => closed,
        });
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits for the reason. Cancel safe.
    pub(crate) async fn closed(&self) -> Error {
        let mut receiver = self.0.subscribe();
        loop {
            if let Some(reason) = &*receiver.borrow_and_update() {
                return reason.clone();
            }
            if receiver.changed().await.is_err() {
                unreachable!("`self` has the sender");
            }
        }
    }
}

use tokio::sync::watch;

use crate::Error;

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

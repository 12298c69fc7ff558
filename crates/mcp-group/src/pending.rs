use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mcp_core::{ErrorObject, RawJson, RequestId};
use tokio::sync::oneshot;

/// The response of a client.
pub(crate) type Outcome = Result<RawJson, ErrorObject>;

/// The requests that were sent to a client and have no response yet.
#[derive(Default)]
pub(crate) struct Pending(Mutex<HashMap<RequestId, oneshot::Sender<Outcome>>>);

impl Pending {
    /// Adds a request. The receiver fails if the request is [removed](Self::remove).
    pub(crate) fn add(&self, id: RequestId) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(id, sender);
        receiver
    }

    /// Passes on a response. Ignores one to an unknown request.
    pub(crate) fn answer(&self, id: &RequestId, outcome: Outcome) {
        if let Some(sender) = self.remove(id) {
            // Fails if the server no longer waits for it.
            let _ = sender.send(outcome);
        }
    }

    /// Removes a request.
    pub(crate) fn remove(&self, id: &RequestId) -> Option<oneshot::Sender<Outcome>> {
        self.lock().remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, oneshot::Sender<Outcome>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Cancels the task of a call that ends before the task.

use std::{future::IntoFuture, time::Duration};

use mcp_core::RawJson;
use mcp_session::{Call, CallFuture, Error, Session};
use tokio::{runtime::Handle, time::timeout};

use crate::requests::cancel;

/// Time limit of a background `tasks/cancel`, and of the request in progress.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends requests about one task. While armed, cancels the task when it is dropped.
pub(crate) struct CancelGuard {
    pub(crate) session: Session,
    pub(crate) id: String,
    pub(crate) is_armed: bool,
    sending: Option<CallFuture<RawJson>>,
    /// The runtime in which it was created: it may be dropped outside of it.
    runtime: Option<Handle>,
}

impl CancelGuard {
    pub(crate) fn new(session: Session, id: String) -> Self {
        let runtime = Handle::try_current().ok();
        Self { session, id, is_armed: false, sending: None, runtime }
    }

    pub(crate) async fn send(&mut self, call: Call<RawJson>) -> Result<RawJson, Error> {
        let outcome = self.sending.insert(call.into_future()).await;
        self.sending = None;
        outcome
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        if !self.is_armed {
            return;
        }
        let (session, id) = (self.session.clone(), std::mem::take(&mut self.id));
        // Dropping the request would send a `notifications/cancelled`, which must not be used for tasks.
        let sending = self.sending.take();
        let Some(runtime) = &self.runtime else {
            tracing::debug!(task = id, "cannot cancel the task: its runtime has ended");
            return;
        };
        // Ends within its time limits.
        runtime.spawn(async move {
            if let Err(error) = cancel(&session, &id).timeout(CANCEL_TIMEOUT).await {
                tracing::debug!(task = id, %error, "cannot cancel the task");
            }
            if let Some(sending) = sending {
                let _ = timeout(CANCEL_TIMEOUT, sending).await;
            }
        });
    }
}

//! What becomes of a task whose call ends first.

use std::{future::IntoFuture, pin::Pin, time::Duration};

use mcp_core::RawJson;
use mcp_session::{Call, Error, Session};
use tokio::{runtime::Handle, time::timeout};

use crate::task::cancel;

/// How long the background may take to tell the server.
const LIMIT: Duration = Duration::from_secs(10);

type Asking = Pin<Box<dyn Future<Output = Result<RawJson, Error>> + Send>>;

/// Asks about one task and, while it is armed, cancels that task when it is dropped.
pub(crate) struct Guard {
    pub(crate) session: Session,
    pub(crate) id: String,
    pub(crate) is_armed: bool,
    asking: Option<Asking>,
    /// Of where it was made: it may be dropped anywhere.
    runtime: Option<Handle>,
}

impl Guard {
    pub(crate) fn new(session: Session, id: String) -> Self {
        let runtime = Handle::try_current().ok();
        Self { session, id, is_armed: false, asking: None, runtime }
    }

    pub(crate) async fn ask(&mut self, call: Call<RawJson>) -> Result<RawJson, Error> {
        let outcome = self.asking.insert(call.into_future()).await;
        self.asking = None;
        outcome
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_armed {
            return;
        }
        let (session, id) = (self.session.clone(), std::mem::take(&mut self.id));
        // To drop a question would cancel that one, in the way that is not for tasks.
        let asking = self.asking.take();
        let Some(runtime) = &self.runtime else {
            tracing::debug!(task = id, "no runtime is left to cancel the task");
            return;
        };
        // Nobody waits for it, so it ends by itself.
        runtime.spawn(async move {
            if let Err(error) = cancel(&session, &id).timeout(LIMIT).await {
                tracing::debug!(task = id, %error, "the task could not be cancelled");
            }
            if let Some(asking) = asking {
                let _ = timeout(LIMIT, asking).await;
            }
        });
    }
}

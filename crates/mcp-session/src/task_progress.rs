//! Progress of calls that run as tasks of revision 2025-11-25.
//!
//! Spec: 2025-11-25 basic/utilities/progress#progress-flow

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mcp_core::{Notification, ProgressNotificationParams, RequestId, decode_params};

use crate::handlers::ProgressHandler;

/// Progress tokens of calls whose exchange ends with the creation of a task: a token is valid until the task ends.
#[derive(Default)]
pub(crate) struct TaskProgress(Mutex<HashMap<i64, Reporter>>);

struct Reporter {
    handler: ProgressHandler,
    last: Option<f64>,
}

/// Removes a token when dropped.
pub(crate) struct TaskProgressGuard {
    tokens: Arc<TaskProgress>,
    token: i64,
}

impl TaskProgress {
    pub(crate) fn register(
        self: &Arc<Self>,
        token: i64,
        handler: ProgressHandler,
    ) -> TaskProgressGuard {
        self.lock().insert(token, Reporter { handler, last: None });
        TaskProgressGuard { tokens: Arc::clone(self), token }
    }

    /// Reports progress outside an open exchange. Progress that does not increase is dropped.
    pub(crate) fn notify(&self, notification: &Notification) {
        if self.lock().is_empty() {
            return;
        }
        let params: ProgressNotificationParams = match decode_params(notification.params.as_ref()) {
            Ok(params) => params,
            Err(error) => return tracing::debug!(%error, "cannot decode a progress notification"),
        };
        let now = params.progress.to_f64();
        let handler = {
            let mut tokens = self.lock();
            let found = tokens
                .iter_mut()
                .find(|(token, _)| params.progress_token.0.echoes(&RequestId::from(**token)));
            let Some((_, reporter)) = found else { return };
            if reporter.last.is_some_and(|last| now <= last) {
                return;
            }
            reporter.last = Some(now);
            Arc::clone(&reporter.handler)
        };
        // Not under the lock: the handler may make calls.
        if catch_unwind(AssertUnwindSafe(|| handler(params))).is_err() {
            tracing::error!("the progress handler panicked");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Reporter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TaskProgressGuard {
    fn drop(&mut self) {
        self.tokens.lock().remove(&self.token);
    }
}

use std::{fmt, time::Duration};

use mcp_core::{CallToolResult, Notification, method::TOOLS_CALL};
use mcp_session::{Call, Error, Extension, Finishing, ForeignResult, Session};
use serde::Deserialize;

use crate::{
    ID, Started, Task, TaskState, method, news::Board, polling::Polling, state::TASK, task::Begun,
};

/// The extension, to be given to [`SessionOptions::extensions`](mcp_session::SessionOptions::extensions),
/// and the way to tasks by their ids. Cheap to clone; one may serve many sessions.
///
/// # Calls that become tasks
///
/// The server is asked for the state of the task as often as it says, between every 100 ms and every
/// 10 minutes; each second where it does not say. What its status says goes to the progress handler of the
/// call, with a number that counts what was said. What the task asks for is answered by the handlers of
/// the session, under each name once. A question about the task that gets lost on the way is asked again, three times.
///
/// The call ends with the result, with the JSON-RPC error of a task that failed, or with an error of kind
/// [`Extension`](mcp_session::ErrorKind::Extension) whose source is [`Cancelled`](crate::Cancelled). Its
/// total time limit counts for all of it, that on silence for each question about the task. One without a
/// total limit ends after [`max_wait`](Tasks::max_wait). A call that ends before its task does, or that is
/// dropped, cancels the task with `tasks/cancel`, in the background and within 10 s.
#[derive(Clone)]
pub struct Tasks {
    max_wait: Duration,
    pub(crate) news: Board,
}

impl Default for Tasks {
    fn default() -> Self {
        Self { max_wait: Duration::from_secs(60 * 60), news: Board::default() }
    }
}

impl Tasks {
    /// With the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The longest wait for a task where the call sets no total limit: a server that works for ever has
    /// no end of its own. Default: one hour.
    #[must_use]
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.max_wait = limit;
        self
    }

    /// Sends a call and gives the task in hand, where the server makes it one. The task is no longer
    /// bound to the call then: nothing cancels it but [`Task::cancel`].
    ///
    /// # Errors
    /// As of the call itself.
    pub async fn start(&self, call: Call<CallToolResult>) -> Result<Started, Error> {
        let (session, info) = (call.session().clone(), call.info());
        Ok(match call.returning::<Begun>().await? {
            Begun::Done(result) => Started::Done(result),
            Begun::Task(state) => {
                let mut task = self.task(&session, &*state.id);
                (task.call, task.state) = (Some(info), Some(state));
                Started::Task(task)
            }
        })
    }

    /// A task by its id, such as one that an earlier run of the program began. Asks nothing yet.
    pub fn task(&self, session: &Session, id: impl Into<String>) -> Task {
        Task {
            tasks: self.clone(),
            session: session.clone(),
            id: id.into(),
            call: None,
            state: None,
        }
    }

    pub(crate) fn longest(&self) -> Duration {
        self.max_wait
    }
}

impl Extension for Tasks {
    fn id(&self) -> &str {
        ID
    }

    /// Spec: ext-tasks 2026-07-28/tasks#supported-methods
    fn takes(&self, method: &str, result_type: &str) -> bool {
        method == TOOLS_CALL && result_type == TASK
    }

    fn finish(&self, foreign: ForeignResult) -> Finishing {
        let tasks = self.clone();
        Box::pin(async move {
            let state: TaskState = foreign
                .result
                .decode()
                .map_err(|error| crate::polling::misshapen(&foreign.session, error))?;
            let ForeignResult { session, call, timeout, on_progress, .. } = foreign;
            let polling = Polling::new(&tasks, session, state.id.clone(), Some(call));
            polling.bound(timeout, on_progress).run(Some(state)).await
        })
    }

    /// That a task goes on makes the next question about it come at once.
    fn heard(&self, server: &str, notification: &Notification) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct News {
            task_id: String,
        }

        if notification.method != method::NOTIFICATION || self.news.is_empty() {
            return;
        }
        match mcp_core::decode_params(notification.params.as_ref()) {
            Ok(News { task_id }) => self.news.tell(server, task_id),
            Err(error) => tracing::debug!(%error, "news of a task that cannot be read"),
        }
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("max_wait", &self.max_wait).finish_non_exhaustive()
    }
}

use std::{fmt, time::Duration};

use mcp_core::{CallToolResult, Notification, method::TOOLS_CALL};
use mcp_session::{Call, Error, Extension, Finishing, ForeignResult, Session};
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    ID, Started, Task, TaskState, asked::Asked, method, news::Board, polling::Polling, state::TASK,
    task::Begun,
};

/// The extension, to be given to [`SessionOptions::extensions`](mcp_session::SessionOptions::extensions),
/// and the way to tasks by their ids. Cheap to clone; one may serve many sessions.
///
/// # Calls that become tasks
///
/// The server is asked for the state of the task as often as it says, between every 100 ms and every
/// 10 minutes; each second where it does not say. What its status says goes to the progress handler of the
/// call, with a number that counts what was said. What the task asks for is answered by the handlers of
/// the session, under each name once. In a call with [`manual_input`](Call::manual_input), a task that asks
/// for something is an error that has what it asks for: the task in hand, from [`start`](Tasks::start), is
/// the way to answer it.
///
/// The call ends with the result, with the JSON-RPC error of a task that failed, or with an error of kind
/// [`Extension`](mcp_session::ErrorKind::Extension) whose source is [`Cancelled`](crate::Cancelled). Its
/// total time limit counts for all of it, that on silence for each question about the task, where it is
/// less than 30 s. One without a total limit ends after [`max_wait`](Tasks::max_wait). A call that ends
/// before its task does cancels the task with `tasks/cancel`, in the background and within 10 s. So does
/// one that is dropped, once its answer has come; before that there is no task to cancel, and the call itself is.
///
/// # Outages
///
/// A question about the task that gets lost on the way, is not answered within 30 s, or is answered with an
/// internal error, is asked again, six times: after 1 s, 2 s, 4 s and so on, up to 30 s, and never sooner than the
/// server wants to be asked. The call ends with the last error then, and at once with one of kind
/// [`Closed`](mcp_session::ErrorKind::Closed) when the session is over. The task is not cancelled in either
/// case, since its work may well go on: its result is to be had from [`task`](Tasks::task) as long as the
/// server keeps it, if the program knows the id from [`start`](Tasks::start).
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
    /// bound to the call then: nothing cancels it but [`Task::cancel`]. To drop the future before that cancels
    /// the call, and a task that the server has made meanwhile may go on.
    ///
    /// # Errors
    /// As of the call itself.
    pub async fn start(&self, call: Call<CallToolResult>) -> Result<Started, Error> {
        let (session, info) = (call.session().clone(), call.info());
        Ok(match call.returning::<Begun>().await? {
            Begun::Done { result, size } => {
                let tool = info.target.unwrap_or_default();
                Started::Done(session.judged(&tool, result, size).await?)
            }
            Begun::Task(state) => {
                let mut task = self.task(&session, &*state.id);
                task.asked.said(Instant::now(), &state);
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
            asked: Asked::default(),
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
            Polling::of_call(&tasks, foreign, &state).run().await
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

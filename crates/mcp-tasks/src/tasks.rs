use std::{fmt, pin::Pin, time::Duration};

use mcp_core::{
    CallToolResult, Era, Notification, RawJson,
    method::TOOLS_CALL,
    tasks_2025_11_25::{self, ListTasksResult},
};
use mcp_session::{
    Call, Error, ErrorKind, Session,
    extension::{Extension, ExtensionHost, ForeignResult},
};
use mcp_transport::Delivery;
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    ID, method,
    polling::Polling,
    requests::misshapen,
    schedule::PollSchedule,
    state::{TASK, TaskState},
    task::{CallOutcome, Started, Task},
    watchers::TaskWatchers,
};

/// The tasks extension, for [`SessionOptions::extensions`](mcp_session::SessionOptions::extensions), and access to
/// tasks by id. Cheap to clone; can be shared by many sessions.
///
/// # Calls that become tasks
///
/// The task is polled at the server's interval, between 100 ms and 10 minutes. Default: 1 s. Its status messages are
/// reported to the progress handler of the call, numbered from one. The handlers of the session provide the input it
/// requests, each name once. In a call with [`manual_input`](Call::manual_input), an input request is an error that
/// contains the request: to respond to it, [`start`](Tasks::start) the task.
///
/// The call ends with the result, with the JSON-RPC error of a failed task, or with an error of kind
/// [`Extension`](mcp_session::ErrorKind::Extension) for a [cancelled](crate::Cancelled) task. Its total timeout
/// includes all of that; its idle timeout, if less than 30 s, applies to each request about the task. A call without a
/// total timeout ends after [`max_wait`](Tasks::max_wait). A call that ends before its task cancels the task with
/// `tasks/cancel`, in the background and within 10 s. Dropping the call does the same once the server has created a
/// task; before that it cancels the call itself.
///
/// # Outages
///
/// A request about the task that fails, gets no response within 30 s, or gets an internal error, is retried six times:
/// after 1 s, 2 s, 4 s and so on, up to 30 s, and never before the poll interval. Then the call ends with the last
/// error; it ends at once with kind [`Closed`](mcp_session::ErrorKind::Closed) if the session is closed. The task is
/// not cancelled in either case, since the server may still work on it: [`task`](Tasks::task) gives access to its
/// result while the server stores it, if the program has the id from [`start`](Tasks::start).
#[derive(Clone)]
pub struct Tasks {
    max_wait: Duration,
    watchers: TaskWatchers,
}

impl Default for Tasks {
    fn default() -> Self {
        Self { max_wait: Duration::from_secs(60 * 60), watchers: TaskWatchers::default() }
    }
}

impl Tasks {
    /// The extension with default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the wait for a task whose call has no total timeout. Default: one hour.
    #[must_use]
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.max_wait = limit;
        self
    }

    /// Sends a call and returns the task if the server creates one; in revision 2025-11-25, if the tool may run as one.
    /// The task is then independent of the call: only [`Task::cancel`] cancels it. Dropping the future before that
    /// cancels the call; a task created in the meantime may continue.
    ///
    /// # Errors
    /// The errors of the call itself.
    pub async fn start(&self, call: Call<CallToolResult>) -> Result<Started, Error> {
        let (session, info) = (call.session().clone(), call.info());
        Ok(match ExtensionHost::preferring_task(call).returning::<CallOutcome>().await? {
            CallOutcome::Done { result, bytes } => {
                let tool = info.target.unwrap_or_default();
                let host = ExtensionHost::new(&session);
                Started::Done(host.check_output(&tool, result, bytes).await?)
            }
            CallOutcome::Task(state) => {
                let mut task = self.task(&session, &*state.id);
                task.schedule.polled(Instant::now(), &state);
                (task.call, task.state) = (Some(info), Some(state));
                Started::Task(task)
            }
        })
    }

    /// Lists the tasks that a server of revision 2025-11-25 has for this client, with their states.
    ///
    /// # Errors
    /// The errors of a list. Kind [`Unsupported`](ErrorKind::Unsupported) in the modern era, which has no task list.
    ///
    /// Spec: 2025-11-25 basic/utilities/tasks#listing-tasks
    pub async fn list(&self, session: &Session) -> Result<Vec<Task>, Error> {
        if session.era() == Era::Modern {
            let text = "the modern era has no list of tasks: store their ids";
            let error = Error::new(ErrorKind::Unsupported, session.name(), text);
            return Err(error.with_delivery(Delivery::NotSent).with_method(method::LIST));
        }
        let states = ExtensionHost::new(session).list::<ListTasksResult>(method::LIST).await?;
        let task = |state: tasks_2025_11_25::Task| {
            let raw = RawJson::from_serialize(&state);
            let state = raw.and_then(|raw| raw.decode::<TaskState>());
            let state = state.map_err(|error| misshapen(session, error))?;
            let mut task = self.task(session, &*state.id);
            task.schedule.polled(Instant::now(), &state);
            task.state = Some(state);
            Ok(task)
        };
        states.into_iter().map(task).collect()
    }

    /// A task by its id, for example one created by an earlier run of the program. Sends nothing.
    pub fn task(&self, session: &Session, id: impl Into<String>) -> Task {
        Task {
            watchers: self.watchers.clone(),
            max_wait: self.max_wait,
            session: session.clone(),
            id: id.into(),
            call: None,
            state: None,
            schedule: PollSchedule::default(),
        }
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

    fn finish(
        &self,
        foreign: ForeignResult,
    ) -> Pin<Box<dyn Future<Output = Result<RawJson, Error>> + Send>> {
        let Self { watchers, max_wait } = self.clone();
        Box::pin(async move {
            let state = TaskState::created(foreign.result());
            let state = state.map_err(|error| misshapen(&foreign.session(), error))?;
            Polling::of_call(&watchers, max_wait, foreign, &state).run().await
        })
    }

    /// A notification about a task makes the next poll due at once.
    fn on_notification(&self, server: &str, notification: &Notification) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Params {
            task_id: String,
        }

        if !method::is_notification(&notification.method) || self.watchers.is_empty() {
            return;
        }
        match mcp_core::decode_params(notification.params.as_ref()) {
            Ok(Params { task_id }) => self.watchers.notify(server, task_id),
            Err(error) => {
                tracing::debug!(%error, "cannot decode a notification about a task")
            }
        }
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("max_wait", &self.max_wait).finish_non_exhaustive()
    }
}

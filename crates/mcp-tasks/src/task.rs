use std::{fmt, time::Duration};

use mcp_core::{CallToolResult, Entries, InputResponse, MethodResult, RawJson};
use mcp_session::{CallInfo, Error, ErrorKind, Session, extension::ExtensionHost};
use mcp_transport::Delivery;
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    polling::Polling,
    requests::{cancel, get, misshapen, update},
    schedule::PollSchedule,
    state::{Kind, TASK, TaskState},
    watchers::TaskWatchers,
};

/// The outcome of a call that was [started](crate::Tasks::start).
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub enum Started {
    /// The result: the server created no task.
    Done(CallToolResult),
    /// The task created by the server.
    Task(Task),
}

/// A task at a server. Dropping it does not affect the task.
///
/// Spec: ext-tasks 2026-07-28/tasks
#[derive(Clone)]
pub struct Task {
    pub(crate) watchers: TaskWatchers,
    pub(crate) max_wait: Duration,
    pub(crate) session: Session,
    pub(crate) id: String,
    pub(crate) call: Option<CallInfo>,
    pub(crate) state: Option<TaskState>,
    pub(crate) schedule: PollSchedule,
}

impl Task {
    /// The task id assigned by the server. Save it and pass it to [`Tasks::task`](crate::Tasks::task) in another run of
    /// the program.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The state at creation, if this program created the task.
    pub fn created(&self) -> Option<&TaskState> {
        self.state.as_ref()
    }

    /// Requests the current state.
    ///
    /// # Errors
    /// The call fails, for example because the server has deleted the task.
    pub async fn state(&self) -> Result<TaskState, Error> {
        let at = Instant::now();
        let answer = get(&self.session, &self.id).await?;
        let state = TaskState::decode(&answer).map_err(|error| misshapen(&self.session, error))?;
        self.schedule.polled(at, &state);
        Ok(state)
    }

    /// Waits for the result, like a call, for at most [`max_wait`](crate::Tasks::max_wait): polls, and passes input
    /// requests to the handlers of the session.
    ///
    /// Dropping the future does not affect the task. Another wait answers the input requests that are still open. The
    /// result of a task that was [started](crate::Tasks::start) here is validated like that of a call; for a task known
    /// only by its id, the tool is unknown.
    ///
    /// # Errors
    /// The errors of a call that became a task; see [`Tasks`](crate::Tasks).
    pub async fn result(&self) -> Result<CallToolResult, Error> {
        let (session, id) = (self.session.clone(), self.id.clone());
        let (call, schedule) = (self.call.clone(), self.schedule.clone());
        let polling = Polling::new(&self.watchers, self.max_wait, session, id, call, schedule);
        let raw = polling.run().await?;
        let result =
            CallToolResult::decode(&raw).map_err(|error| misshapen(&self.session, error))?;
        match self.call.as_ref().and_then(|call| call.target.as_deref()) {
            Some(tool) => {
                let host = ExtensionHost::new(&self.session);
                host.check_output(tool, result, raw.len()).await
            }
            None => Ok(result),
        }
    }

    /// Responds to some or all input requests, by their names in [`TaskState::input_requests`]. Servers ignore names
    /// that are not open.
    ///
    /// # Errors
    /// The call fails.
    ///
    /// Spec: ext-tasks 2026-07-28/tasks#task-update-requests
    pub async fn update<N: Into<String>>(
        &self,
        answers: impl IntoIterator<Item = (N, InputResponse)>,
    ) -> Result<(), Error> {
        let mut written = Entries::new();
        for (name, answer) in answers {
            let answer = RawJson::from_serialize(&answer).map_err(|error| {
                let message = "an input response cannot be encoded as JSON";
                Error::new(ErrorKind::Arguments, self.session.name(), message)
                    .with_delivery(Delivery::NotSent)
                    .with_source(error)
            })?;
            written.insert(name, answer);
        }
        update(&self.session, &self.id, &written).await.map(drop)
    }

    /// Asks the server to cancel the task. The server may ignore it.
    ///
    /// # Errors
    /// The call fails.
    ///
    /// Spec: ext-tasks 2026-07-28/tasks#task-cancellation
    pub async fn cancel(&self) -> Result<(), Error> {
        cancel(&self.session, &self.id).await.map(drop)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The result of a call that may become a task.
#[derive(Serialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub(crate) enum CallOutcome {
    /// With the length of its JSON.
    Done {
        #[serde(flatten)]
        result: CallToolResult,
        #[serde(skip)]
        bytes: usize,
    },
    Task(TaskState),
}

impl MethodResult for CallOutcome {
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error> {
        let kind: Kind<'_> = raw.decode()?;
        match kind.result_type.as_deref() {
            Some(TASK) => raw.decode().map(Self::Task),
            None if kind.is_nested() => TaskState::created(raw).map(Self::Task),
            _ => {
                let bytes = raw.len();
                CallToolResult::decode(raw).map(|result| Self::Done { result, bytes })
            }
        }
    }
}

use std::fmt;

use mcp_core::{CallToolResult, Entries, InputResponse, MethodResult, RawJson};
use mcp_session::{Call, CallInfo, Error, ErrorKind, Session};
use mcp_transport::Delivery;
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    TaskState, Tasks,
    asked::Asked,
    method,
    polling::{Polling, misshapen},
    state::{Kind, TASK},
};

/// What came of a call that was [started](Tasks::start).
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub enum Started {
    /// The result, at once.
    Done(CallToolResult),
    /// The server works on it.
    Task(Task),
}

/// A task at a server. Dropping it leaves the task alone.
///
/// Spec: ext-tasks 2026-07-28/tasks
#[derive(Clone)]
pub struct Task {
    pub(crate) tasks: Tasks,
    pub(crate) session: Session,
    pub(crate) id: String,
    pub(crate) call: Option<CallInfo>,
    pub(crate) state: Option<TaskState>,
    pub(crate) asked: Asked,
}

impl Task {
    /// The server's name for it: to be saved, and given to [`Tasks::task`] in another run of the program.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the server said when it began, where this program was there.
    pub fn begun(&self) -> Option<&TaskState> {
        self.state.as_ref()
    }

    /// Asks how far it is.
    ///
    /// # Errors
    /// When the call fails, such as for a task that the server has forgotten.
    pub async fn state(&self) -> Result<TaskState, Error> {
        let at = Instant::now();
        let answer = get(&self.session, &self.id).await?;
        let state = TaskState::decode(&answer).map_err(|error| misshapen(&self.session, error))?;
        self.asked.said(at, &state);
        Ok(state)
    }

    /// Waits for the result, as a call does, for at most [`max_wait`](Tasks::max_wait): polls, and lets the
    /// handlers of the session answer what the task asks for.
    ///
    /// Dropping the future leaves the task alone. To wait again is to answer again what it then still asks
    /// for. A task that was [started](Tasks::start) here has its result judged as that of the call would be; of
    /// one that is known by its id alone, nobody knows the tool.
    ///
    /// # Errors
    /// Those of a call that became a task; see [`Tasks`].
    pub async fn result(&self) -> Result<CallToolResult, Error> {
        let (session, id) = (self.session.clone(), self.id.clone());
        let polling = Polling::new(&self.tasks, session, id, self.call.clone(), self.asked.clone());
        let raw = polling.run().await?;
        let result =
            CallToolResult::decode(&raw).map_err(|error| misshapen(&self.session, error))?;
        match self.call.as_ref().and_then(|call| call.target.as_deref()) {
            Some(tool) => self.session.judged(tool, result, raw.len()).await,
            None => Ok(result),
        }
    }

    /// Answers what the task asks for, all of it or some, by the names under which
    /// [`TaskState::input_requests`] has it. Names that are not open are ignored by servers.
    ///
    /// # Errors
    /// When the call fails.
    ///
    /// Spec: ext-tasks 2026-07-28/tasks#task-update-requests
    pub async fn update<N: Into<String>>(
        &self,
        answers: impl IntoIterator<Item = (N, InputResponse)>,
    ) -> Result<(), Error> {
        let mut written = Entries::new();
        for (name, answer) in answers {
            let answer = RawJson::from_serialize(&answer).map_err(|error| {
                let message = "an answer cannot be written as JSON";
                Error::new(ErrorKind::Arguments, self.session.name(), message)
                    .with_delivery(Delivery::NotSent)
                    .with_source(error)
            })?;
            written.insert(name, answer);
        }
        update(&self.session, &self.id, &written).await.map(drop)
    }

    /// Asks the server to give it up, which it may or may not do.
    ///
    /// # Errors
    /// When the call fails.
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfTask<'a> {
    task_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_responses: Option<&'a Entries<RawJson>>,
}

pub(crate) fn get(session: &Session, task_id: &str) -> Call<RawJson> {
    session.request(method::GET, &OfTask { task_id, input_responses: None })
}

pub(crate) fn update(
    session: &Session,
    task_id: &str,
    answers: &Entries<RawJson>,
) -> Call<RawJson> {
    session.request(method::UPDATE, &OfTask { task_id, input_responses: Some(answers) })
}

pub(crate) fn cancel(session: &Session, task_id: &str) -> Call<RawJson> {
    session.request(method::CANCEL, &OfTask { task_id, input_responses: None })
}

/// The answer to a call of which the task is wanted, too.
#[derive(Serialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub(crate) enum Begun {
    /// With the bytes that it came in.
    Done {
        #[serde(flatten)]
        result: CallToolResult,
        #[serde(skip)]
        size: usize,
    },
    Task(TaskState),
}

impl MethodResult for Begun {
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error> {
        let kind: Kind<'_> = raw.decode()?;
        match kind.result_type.as_deref() {
            Some(TASK) => raw.decode().map(Self::Task),
            _ => {
                let size = raw.len();
                CallToolResult::decode(raw).map(|result| Self::Done { result, size })
            }
        }
    }
}

/// An error about a task that the server knows.
pub(crate) fn failed(session: &Session, kind: ErrorKind, message: String) -> Error {
    Error::new(kind, session.name(), message).with_delivery(Delivery::Answered)
}

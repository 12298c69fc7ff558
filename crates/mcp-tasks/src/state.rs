use std::{borrow::Cow, time::Duration};

use mcp_core::{Entries, ErrorObject, InputRequest, MethodResult, Notification, RawJson};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, IgnoredAny},
};

/// The state of a task as reported by the server. Unknown members are dropped.
///
/// Can be saved with serde, in its wire format.
///
/// Spec: ext-tasks 2026-07-28/tasks#tasks
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TaskState {
    /// The task id assigned by the server.
    #[serde(rename = "taskId")]
    pub id: String,
    /// The status.
    pub status: TaskStatus,
    /// The status as text, for humans and models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// When it was created, in ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// When it was last updated, in ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated_at: Option<String>,
    /// Time from creation after which the server may delete the task, in milliseconds. `None` means never.
    #[serde(default, alias = "ttl", deserialize_with = "milliseconds")]
    pub ttl_ms: Option<u64>,
    /// Milliseconds to wait before the next poll.
    #[serde(
        default,
        alias = "pollInterval",
        deserialize_with = "milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub poll_interval_ms: Option<u64>,
    /// Input requests by name, unparsed. The server uses each name once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_requests: Option<Entries<RawJson>>,
    /// The result of the call, if the task is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RawJson>,
    /// The JSON-RPC error of a failed task, unparsed; see [`error`](TaskState::error).
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "error")]
    pub(crate) failure: Option<RawJson>,
}

/// The status of a task.
///
/// Spec: ext-tasks 2026-07-28/tasks#task-status
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskStatus {
    /// The server is working on it.
    Working,
    /// The server waits for input.
    InputRequired,
    /// The task has a result.
    Completed,
    /// The task has a JSON-RPC error.
    Failed,
    /// The task was cancelled.
    Cancelled,
    /// Another status, treated as working.
    #[serde(untagged)]
    Other(String),
}

impl TaskStatus {
    /// Whether the status is final.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl TaskState {
    /// The state in a notification about a task; `None` for other notifications. Servers send them to clients that list
    /// tasks under the key `taskIds` in the filter of `subscriptions/listen`.
    ///
    /// # Errors
    /// The notification is about a task, but cannot be decoded.
    ///
    /// Spec: ext-tasks 2026-07-28/tasks#task-status-notifications, 2025-11-25
    /// basic/utilities/tasks#task-status-notification
    pub fn of_notification(notification: &Notification) -> Option<Result<Self, serde_json::Error>> {
        let is_ours = crate::method::is_notification(&notification.method);
        is_ours.then(|| mcp_core::decode_params(notification.params.as_ref()))
    }

    /// The JSON-RPC error of a failed task.
    pub fn error(&self) -> Option<ErrorObject> {
        #[derive(Deserialize)]
        struct Failure {
            code: i64,
            #[serde(default)]
            message: String,
            #[serde(default)]
            data: Option<RawJson>,
        }
        let Failure { code, message, data } = self.failure.as_ref()?.decode().ok()?;
        let error = ErrorObject::new(code, message);
        Some(data.into_iter().fold(error, ErrorObject::with_data))
    }

    /// The input requests of known kinds.
    pub fn inputs(&self) -> Entries<InputRequest> {
        let requests = self.input_requests.iter().flat_map(|all| all.iter());
        requests.filter_map(|(name, raw)| Some((name, raw.decode().ok()?))).collect()
    }

    /// The state in the result of a call that became a task; nested in revision 2025-11-25.
    pub(crate) fn created(raw: &RawJson) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Created {
            task: TaskState,
        }
        match raw.decode::<Created>() {
            Ok(Created { task }) => Ok(task),
            Err(_) => raw.decode(),
        }
    }

    pub(crate) fn poll_interval(&self) -> Option<Duration> {
        self.poll_interval_ms.map(Duration::from_millis)
    }
}

impl MethodResult for TaskState {
    /// `resultType` may be `complete`, absent, or `task` as in a draft.
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error> {
        let kind: Kind<'_> = raw.decode()?;
        match kind.result_type.as_deref() {
            None | Some("complete" | TASK) => raw.decode(),
            Some(other) => Err(unexpected(other)),
        }
    }
}

/// The `resultType` of a task.
pub(crate) const TASK: &str = "task";

#[derive(Deserialize)]
pub(crate) struct Kind<'a> {
    #[serde(default, borrow, rename = "resultType")]
    pub(crate) result_type: Option<Cow<'a, str>>,
    /// Present in revision 2025-11-25.
    #[serde(default)]
    task: Option<IgnoredAny>,
    #[serde(default)]
    content: Option<IgnoredAny>,
}

impl Kind<'_> {
    /// Whether the result is a task of revision 2025-11-25.
    pub(crate) fn is_nested(&self) -> bool {
        self.task.is_some() && self.content.is_none()
    }
}

pub(crate) fn unexpected(result_type: &str) -> serde_json::Error {
    de::Error::custom(format_args!("unexpected resultType {result_type:?}"))
}

/// A number that some servers write with a fraction.
fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<serde_json::Number>::deserialize(deserializer)?;
    Ok(number.and_then(|it| it.as_u64().or_else(|| Some(it.as_f64()?.max(0.0) as u64))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(text: &str) -> Result<TaskState, serde_json::Error> {
        TaskState::decode(&RawJson::from_text(text.to_owned()).unwrap())
    }

    #[test]
    fn states_of_servers_are_decoded() {
        let state = read(
            r#"{"resultType":"task","taskId":"t","status":"input_required",
            "ttlMs":null,"pollIntervalMs":5e2,"later":1,"inputRequests":{
            "a":{"method":"roots/list"},"b":7}}"#,
        );
        let state = state.unwrap();
        assert_eq!(state.status, TaskStatus::InputRequired);
        assert_eq!((state.ttl_ms, state.poll_interval_ms), (None, Some(500)));
        assert_eq!(state.input_requests.as_ref().unwrap().len(), 2);
        assert_eq!(state.inputs().len(), 1);

        let state = read(
            r#"{"taskId":"t","status":"failed","ttlMs":1,
            "error":{"code":-32603,"message":"no","data":[1]}}"#,
        );
        let error = state.unwrap().error().unwrap();
        assert_eq!((error.code, error.to_string().contains("no")), (-32603, true));

        let state = read(r#"{"taskId":"t","status":"paused"}"#).unwrap();
        assert_eq!(state.status, TaskStatus::Other("paused".to_owned()));
        assert!(!state.status.is_over());
        assert!(
            read(r#"{"resultType":"input_required","taskId":"t","status":"working"}"#).is_err()
        );
    }

    #[test]
    fn a_state_is_saved_unchanged() {
        let text = r#"{"taskId":"t","status":"completed","ttlMs":60000,"result":{"content":[]}}"#;
        assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
    }
}

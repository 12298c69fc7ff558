use std::{borrow::Cow, time::Duration};

use mcp_core::{Entries, ErrorObject, InputRequest, MethodResult, Notification, RawJson};
use serde::{Deserialize, Deserializer, Serialize, de};

/// How far a task is, as the server says. What it says beside this is not kept.
///
/// Can be saved with serde, in the shape that it has on the wire.
///
/// Spec: ext-tasks 2026-07-28/tasks#tasks
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TaskState {
    /// Which task, by the server's name for it.
    #[serde(rename = "taskId")]
    pub id: String,
    /// What becomes of it.
    pub status: TaskStatus,
    /// What there is to say of that, to people and models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// When it was created, in ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// When it was last updated, in ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated_at: Option<String>,
    /// After how many milliseconds from its creation the server may forget it. `None`: never.
    #[serde(default, deserialize_with = "milliseconds")]
    pub ttl_ms: Option<u64>,
    /// How many milliseconds to wait before the server is asked again.
    #[serde(default, deserialize_with = "milliseconds", skip_serializing_if = "Option::is_none")]
    pub poll_interval_ms: Option<u64>,
    /// What the server asks for, by names that it uses once: requests as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_requests: Option<Entries<RawJson>>,
    /// The result of the call, of a task that is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RawJson>,
    /// The JSON-RPC error of a task that failed, as it came; see [`error`](TaskState::error).
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "error")]
    pub(crate) failure: Option<RawJson>,
}

/// What becomes of a task.
///
/// Spec: ext-tasks 2026-07-28/tasks#task-status
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskStatus {
    /// The server works on it.
    Working,
    /// The server waits for something that it asks for.
    InputRequired,
    /// There is a result.
    Completed,
    /// There is a JSON-RPC error.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// Something else, which is taken for work.
    #[serde(untagged)]
    Other(String),
}

impl TaskStatus {
    /// Whether it never changes again.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl TaskState {
    /// The state that a notification tells, where it is one of a task. Servers send them to whoever names
    /// tasks under the key `taskIds` in the filter of `subscriptions/listen`.
    ///
    /// # Errors
    /// When it is about a task and has another shape.
    ///
    /// Spec: ext-tasks 2026-07-28/tasks#task-status-notifications
    pub fn of_notification(notification: &Notification) -> Option<Result<Self, serde_json::Error>> {
        let is_ours = notification.method == crate::method::NOTIFICATION;
        is_ours.then(|| mcp_core::decode_params(notification.params.as_ref()))
    }

    /// The JSON-RPC error of a task that failed.
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

    /// What the server asks for, of the kinds that are known here.
    pub fn inputs(&self) -> Entries<InputRequest> {
        let requests = self.input_requests.iter().flat_map(|all| all.iter());
        requests.filter_map(|(name, raw)| Some((name, raw.decode().ok()?))).collect()
    }

    pub(crate) fn poll_interval(&self) -> Option<Duration> {
        self.poll_interval_ms.map(Duration::from_millis)
    }
}

impl MethodResult for TaskState {
    /// Of all kinds of result a task may have: `complete`, none, and the `task` that a draft had.
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error> {
        let kind: Kind<'_> = raw.decode()?;
        match kind.result_type.as_deref() {
            None | Some("complete" | TASK) => raw.decode(),
            Some(other) => Err(unexpected(other)),
        }
    }
}

/// The kind of result that is a task.
pub(crate) const TASK: &str = "task";

#[derive(Deserialize)]
pub(crate) struct Kind<'a> {
    #[serde(default, borrow, rename = "resultType")]
    pub(crate) result_type: Option<Cow<'a, str>>,
}

pub(crate) fn unexpected(result_type: &str) -> serde_json::Error {
    de::Error::custom(format_args!("unexpected resultType {result_type:?}"))
}

/// A number that some languages write with a fraction.
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
    fn what_servers_write_is_read() {
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
    fn a_state_is_saved_as_it_came() {
        let text = r#"{"taskId":"t","status":"completed","ttlMs":60000,"result":{"content":[]}}"#;
        assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
    }
}

//! Requests of the extension, and errors about their results.

use mcp_core::{Entries, RawJson};
use mcp_session::{Call, Error, ErrorKind, Session, extension::ExtensionHost};
use mcp_transport::Delivery;
use serde::Serialize;

use crate::method;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Params<'a> {
    task_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_responses: Option<&'a Entries<RawJson>>,
}

pub(crate) fn get(session: &Session, task_id: &str) -> Call<RawJson> {
    request(session, method::GET, Params { task_id, input_responses: None })
}

pub(crate) fn update(
    session: &Session,
    task_id: &str,
    answers: &Entries<RawJson>,
) -> Call<RawJson> {
    request(session, method::UPDATE, Params { task_id, input_responses: Some(answers) })
}

/// Requests the result of a task of revision 2025-11-25. The server responds when the task ends, and sends its requests
/// in the meantime.
///
/// Spec: 2025-11-25 basic/utilities/tasks#retrieving-task-results
pub(crate) fn result(session: &Session, task_id: &str) -> Call<RawJson> {
    request(session, method::RESULT, Params { task_id, input_responses: None })
}

pub(crate) fn cancel(session: &Session, task_id: &str) -> Call<RawJson> {
    request(session, method::CANCEL, Params { task_id, input_responses: None })
}

/// Spec: ext-tasks 2026-07-28/tasks#streamable-http-routing
fn request(session: &Session, method: &'static str, params: Params<'_>) -> Call<RawJson> {
    ExtensionHost::new(session).request(method, params.task_id, &params)
}

/// An error about a task that the server knows.
pub(crate) fn failed(session: &Session, kind: ErrorKind, message: impl Into<String>) -> Error {
    Error::new(kind, session.name(), message.into()).with_delivery(Delivery::Answered)
}

pub(crate) fn misshapen(session: &Session, error: serde_json::Error) -> Error {
    failed(session, ErrorKind::Decode, "the task has the wrong shape").with_source(error)
}

//! What a task asks for, and the handlers of the session that have it.

use std::collections::HashSet;

use mcp_core::{Entries, ErrorObject, InputRequiredResult, RawJson, error_code};
use mcp_session::{CallInfo, Error, Session};
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::TaskState;

/// The most that one task may ask for; one that asks on and on has no end.
const MAX_INPUTS: usize = 100;

#[derive(Deserialize)]
struct Wanted {
    method: String,
    #[serde(default)]
    params: Option<RawJson>,
}

/// Has all that is new answered at once. Empty where nothing is new.
pub(crate) async fn answers(
    session: &Session,
    call: Option<&CallInfo>,
    state: &TaskState,
    known: &mut HashSet<String>,
) -> Result<Entries<RawJson>, Error> {
    let mut working = JoinSet::new();
    for (name, raw) in state.input_requests.iter().flat_map(|all| all.iter()) {
        if !known.insert(name.to_owned()) {
            continue;
        }
        if known.len() > MAX_INPUTS {
            let message = format!("the task still asks for input after {MAX_INPUTS} answers");
            return Err(refused(session, state, message));
        }
        let wanted = raw.decode::<Wanted>().map_err(|error| {
            let why = ErrorObject::new(error_code::INVALID_REQUEST, error.to_string());
            not_to_be_had(session, state, name, &why)
        })?;
        let (session, call, name) = (session.clone(), call.cloned(), name.to_owned());
        working.spawn(async move {
            (name, session.answer_request(&wanted.method, wanted.params, call).await)
        });
    }
    let mut answers = Entries::new();
    while let Some(answered) = working.join_next().await {
        let (name, answer) = answered.map_err(|error| {
            let message = format!("the work on what the task asks for ended early: {error}");
            refused(session, state, message)
        })?;
        let answer = answer.map_err(|why| not_to_be_had(session, state, &name, &why))?;
        answers.insert(name, answer);
    }
    Ok(answers)
}

fn not_to_be_had(session: &Session, state: &TaskState, name: &str, why: &ErrorObject) -> Error {
    refused(session, state, format!("the input {name:?} is not to be had: {}", why.message))
}

fn refused(session: &Session, state: &TaskState, message: String) -> Error {
    let input = InputRequiredResult::input_required().with_input_requests(state.inputs());
    Error::unanswered(session.name(), input, message)
}

//! What a task asks for, and the handlers of the session that have it.

use std::collections::HashSet;

use mcp_core::{Entries, InputRequiredResult, RawJson};
use mcp_session::{CallInfo, Error, Session};

use crate::TaskState;

/// The most that one task may ask for; one that asks on and on has no end.
const MAX_INPUTS: usize = 100;

/// Has all that is new answered at once. Empty where nothing is new.
pub(crate) async fn answers(
    session: &Session,
    call: Option<&CallInfo>,
    state: &TaskState,
    known: &mut HashSet<String>,
) -> Result<Entries<RawJson>, Error> {
    let wanted = state.input_requests.iter().flat_map(|all| all.iter());
    let new: Entries<RawJson> = wanted
        .filter(|(name, _)| known.insert((*name).to_owned()))
        .map(|(name, request)| (name, request.clone()))
        .collect();
    if known.len() > MAX_INPUTS {
        let message = format!("the task still asks for input after {MAX_INPUTS} answers");
        return Err(refused(session, state, message));
    }
    session.answer_requests(&new, call).await.map_err(|(name, why)| {
        refused(session, state, format!("the input {name:?} is not to be had: {}", why.message))
    })
}

/// Why a task that asks for something is not waited for any more.
pub(crate) fn refused(session: &Session, state: &TaskState, message: impl Into<String>) -> Error {
    let input = InputRequiredResult::input_required().with_input_requests(state.inputs());
    Error::from_input_required(session.name(), input, message.into())
}

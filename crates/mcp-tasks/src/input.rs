//! Input that a task asks for, and that the handlers of the session obtain.

use std::collections::HashSet;

use mcp_core::{Entries, InputRequiredResult, RawJson};
use mcp_session::{CallInfo, Error, Session, extension::ExtensionHost};

use crate::state::TaskState;

/// Inputs that one task may ask for in its life: one that never stops asking has no end.
const MAX_INPUTS: usize = 100;

/// Obtains all of the input that the task has not asked for before. Empty where there is none.
pub(crate) async fn answers(
    session: &Session,
    call: Option<&CallInfo>,
    state: &TaskState,
    known: &mut HashSet<String>,
) -> Result<Entries<RawJson>, Error> {
    let requests = state.input_requests.iter().flat_map(|all| all.iter());
    let new: Entries<RawJson> = requests
        .filter(|(name, _)| known.insert((*name).to_owned()))
        .map(|(name, request)| (name, request.clone()))
        .collect();
    if known.len() > MAX_INPUTS {
        let message = format!("the task still asks for input after {MAX_INPUTS} answers");
        return Err(input_required(session, state, message));
    }
    let host = ExtensionHost::new(session);
    let answers = host.obtain_input(&new, call).await;
    answers.map_err(|error| input_required(session, state, error.to_string()))
}

/// The task asks for input that it does not get.
pub(crate) fn input_required(
    session: &Session,
    state: &TaskState,
    message: impl Into<String>,
) -> Error {
    let input = InputRequiredResult::input_required().with_input_requests(state.inputs());
    Error::from_input_required(session.name(), input, message.into())
}

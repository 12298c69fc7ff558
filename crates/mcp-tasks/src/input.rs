//! Input requested by a task, provided by the handlers of the session.

use std::collections::HashSet;

use mcp_core::{Entries, InputRequiredResult, RawJson};
use mcp_session::{CallInfo, Error, Session, extension::ExtensionHost};

use crate::state::TaskState;

/// Maximum number of inputs requested by one task, which bounds a task that never stops asking.
const MAX_INPUTS: usize = 100;

/// Obtains the input that the task has not requested before. Empty if there is none.
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
        let message = format!("the task requests more than {MAX_INPUTS} inputs");
        return Err(input_required(session, state, message));
    }
    let host = ExtensionHost::new(session);
    let answers = host.obtain_input(&new, call).await;
    answers.map_err(|error| input_required(session, state, error.to_string()))
}

/// The error for a task whose requested input cannot be provided.
pub(crate) fn input_required(
    session: &Session,
    state: &TaskState,
    message: impl Into<String>,
) -> Error {
    let input = InputRequiredResult::input_required().with_input_requests(state.inputs());
    let input = RawJson::from_serialize(&input).unwrap_or_else(|_| RawJson::trusted("{}"));
    Error::from_input_required(session.name(), input, message.into())
}

use std::{error::Error as StdError, fmt};

use mcp_session::{Error, ErrorKind, Session};
use mcp_transport::Delivery;

use crate::state::TaskState;

/// The task of a call was cancelled. The source of an error of kind [`Extension`](mcp_session::ErrorKind::Extension).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cancelled {
    /// The id of the task.
    pub id: String,
    /// The reason, if the server sent one.
    pub message: Option<String>,
}

impl Cancelled {
    /// The cancellation that caused a call's error, if any.
    pub fn of(error: &Error) -> Option<&Self> {
        error.find()
    }

    pub(crate) fn error(session: &Session, state: &TaskState) -> Error {
        let this = Self { id: state.id.clone(), message: state.status_message.clone() };
        Error::new(ErrorKind::Extension, session.name(), "")
            .with_delivery(Delivery::Answered)
            .with_source(this)
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task {:?} was cancelled", self.id)?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl StdError for Cancelled {}

//! What a request of the group ends with instead of a result.

use mcp_core::{ErrorObject, error_code};
use mcp_session::{Error, ErrorKind};
use mcp_transport::{Delivery, Error as Below, ErrorKind as BelowKind};

/// Why a request has no result.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// An answer all the same: an error of a server's, or of the group as a server.
    Answer(ErrorObject),
    /// It failed below the protocol.
    Below(Below),
}

impl From<ErrorObject> for Failure {
    fn from(error: ErrorObject) -> Self {
        Self::Answer(error)
    }
}

impl Failure {
    /// Of a call of one server. Only this server is out of reach, the group is not: `Closed` is no kind
    /// for that.
    pub(crate) fn of_call(error: &Error) -> Self {
        match error.answer() {
            Some(answer) => Self::Answer(answer.clone()),
            None => Self::below(error, format!("server {:?} failed", error.server())),
        }
    }

    /// Of a call that cannot be made, since the server is not there.
    pub(crate) fn of_absence(error: &Error, message: String) -> Self {
        match Self::below(error, message) {
            Self::Below(error) => Self::Below(error.with_delivery(Delivery::NotSent)),
            answer => answer,
        }
    }

    fn below(error: &Error, message: String) -> Self {
        let kind = match (error.kind(), error.transport()) {
            (_, Some(below)) if below.is_closed() => BelowKind::Interrupted,
            (_, Some(below)) => below.kind(),
            (ErrorKind::Timeout, None) => BelowKind::Timeout,
            (ErrorKind::Closed, None) => BelowKind::Interrupted,
            (ErrorKind::Target, None) => BelowKind::Config,
            (ErrorKind::Arguments | ErrorKind::Unsupported, None) => BelowKind::InvalidRequest,
            (ErrorKind::Answer | ErrorKind::Decode | ErrorKind::Version, None) => {
                BelowKind::Protocol
            }
            _ => BelowKind::Other,
        };
        let failure = Below::new(kind, message).with_source(error.clone());
        Self::Below(failure.with_delivery(error.delivery()))
    }

    /// Of the start of the whole group, of which not one server could be opened.
    pub(crate) fn of_start(errors: &[Error]) -> Self {
        let [error] = errors else {
            let causes: Vec<String> = errors.iter().map(ToString::to_string).collect();
            let count = causes.len();
            let message = format!("none of the {count} servers starts: {}", causes.join("; "));
            let error = Below::new(BelowKind::Connect, message);
            return Self::Below(error.with_delivery(Delivery::NotSent));
        };
        let message = format!("server {:?} does not start", error.server());
        match Self::below(error, message) {
            // A client would take these for a matter of the era, and ask once more in another.
            Self::Below(below)
                if matches!(below.kind(), BelowKind::Rejected | BelowKind::Protocol) =>
            {
                let text = below.message().to_owned();
                let again = Below::new(BelowKind::Connect, text).with_source(error.clone());
                Self::Below(again.with_delivery(below.delivery()))
            }
            failure => failure,
        }
    }
}

pub(crate) fn invalid_params(message: impl Into<String>) -> Failure {
    ErrorObject::new(error_code::INVALID_PARAMS, message).into()
}

pub(crate) fn internal(message: impl std::fmt::Display) -> Failure {
    ErrorObject::new(error_code::INTERNAL_ERROR, message.to_string()).into()
}

pub(crate) fn no_method(message: impl Into<String>) -> Failure {
    ErrorObject::new(error_code::METHOD_NOT_FOUND, message).into()
}

use mcp_core::{ErrorObject, error_code};
use mcp_session::{Error as SessionError, ErrorKind};
use mcp_transport::{Delivery, Error as TransportError, ErrorKind as TransportKind};

/// The failure of a client's request.
#[derive(Debug, Clone)]
pub(crate) enum RequestError {
    /// A JSON-RPC error response, of a server or of the group itself.
    Response(ErrorObject),
    /// A transport error.
    Transport(TransportError),
}

impl From<ErrorObject> for RequestError {
    fn from(error: ErrorObject) -> Self {
        Self::Response(error)
    }
}

impl RequestError {
    /// A call to one server failed. The group itself is not closed, so the kind is never `Closed`.
    pub(crate) fn call_failed(error: &SessionError) -> Self {
        match error.answer() {
            Some(answer) => Self::Response(answer.clone()),
            None => Self::Transport(below(error, format!("server {:?} failed", error.server()))),
        }
    }

    /// A call cannot be sent, because there is no session with the server.
    pub(crate) fn not_connected(error: &SessionError, message: String) -> Self {
        Self::Transport(below(error, message).with_delivery(Delivery::NotSent))
    }

    /// The group was closed by the client.
    pub(crate) fn closed() -> Self {
        let error = TransportError::new(TransportKind::Closed, "the group was closed");
        Self::Transport(error.with_delivery(Delivery::NotSent))
    }

    /// No server of the group could be opened.
    pub(crate) fn start_failed(errors: &[SessionError]) -> Self {
        let error = match errors {
            [error] => {
                let message = format!("server {:?} does not start", error.server());
                let kind = match transport_kind(error) {
                    // Clients treat these kinds as an era mismatch and would retry in the other era.
                    TransportKind::Rejected | TransportKind::Protocol => TransportKind::Connect,
                    kind => kind,
                };
                TransportError::new(kind, message)
                    .with_source(error.clone())
                    .with_delivery(error.delivery())
            }
            errors => {
                let causes: Vec<String> = errors.iter().map(ToString::to_string).collect();
                let count = causes.len();
                let message = format!("none of the {count} servers starts: {}", causes.join("; "));
                TransportError::new(TransportKind::Connect, message)
                    .with_delivery(Delivery::NotSent)
            }
        };
        Self::Transport(error)
    }
}

fn below(error: &SessionError, message: String) -> TransportError {
    TransportError::new(transport_kind(error), message)
        .with_source(error.clone())
        .with_delivery(error.delivery())
}

fn transport_kind(error: &SessionError) -> TransportKind {
    match error.kind() {
        ErrorKind::Closed => TransportKind::Interrupted,
        ErrorKind::Timeout => TransportKind::Timeout,
        ErrorKind::TooLarge => TransportKind::TooLarge,
        ErrorKind::Target => TransportKind::Config,
        ErrorKind::Arguments | ErrorKind::Unsupported => TransportKind::InvalidRequest,
        ErrorKind::Answer | ErrorKind::Decode | ErrorKind::Version | ErrorKind::Pagination => {
            TransportKind::Protocol
        }
        _ => error.transport().map_or(TransportKind::Other, TransportError::kind),
    }
}

pub(crate) fn invalid_params(message: impl Into<String>) -> RequestError {
    ErrorObject::new(error_code::INVALID_PARAMS, message).into()
}

pub(crate) fn internal(message: impl std::fmt::Display) -> RequestError {
    ErrorObject::new(error_code::INTERNAL_ERROR, message.to_string()).into()
}

pub(crate) fn method_not_found(message: impl Into<String>) -> RequestError {
    ErrorObject::new(error_code::METHOD_NOT_FOUND, message).into()
}

use http::Uri;
use mcp_transport::{Delivery, Error, ErrorKind};

/// What a failure of HTTP means for the message that was sent by `method`.
pub(crate) fn from_http(error: mcp_http::Error, method: &str, url: &Uri) -> Error {
    let error = error.into_transport_error(method, url);
    match error.kind() {
        // It is the answer, whatever came.
        ErrorKind::TooLarge => error.with_delivery(Delivery::Answered),
        _ => error,
    }
}

/// The server answered `method` with something that is no answer.
pub(crate) fn no_answer(method: &str, why: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("{method}: {why}")).with_delivery(Delivery::Answered)
}

/// The stream that was to bring the answer to `method` ended without it.
pub(crate) fn ended_early(method: &str, and: &str) -> Error {
    Error::new(ErrorKind::Interrupted, format!("{method}: the stream ended before the answer{and}"))
}

/// The transport was closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the connection was closed")
}

/// The server has forgotten the session, and there is no way back into one.
pub(crate) fn expired(method: &str) -> Error {
    let text = format!("{method}: the server has forgotten the session");
    Error::new(ErrorKind::SessionExpired, text).with_delivery(Delivery::Answered)
}

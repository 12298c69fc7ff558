use std::borrow::Cow;

use http::Uri;
use mcp_transport::{Delivery, Error, ErrorKind};

/// Converts an HTTP failure into the error of the message that was sent with `method`.
pub(crate) fn from_http(error: mcp_http::Error, method: &str, url: &Uri) -> Error {
    let error = error.into_transport_error(method, url);
    match error.kind() {
        // The oversize message was the response.
        ErrorKind::TooLarge => error.with_delivery(Delivery::Answered),
        _ => error,
    }
}

/// The server responded to `method` with something that is not a JSON-RPC response.
pub(crate) fn no_response(method: &str, why: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Protocol, why)
        .with_method(method.to_owned())
        .with_delivery(Delivery::Answered)
}

/// The response stream of `method` ended too early.
pub(crate) fn ended_early(method: &str, text: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Interrupted, text).with_method(method.to_owned())
}

/// The server has lost the session, and no new one could be opened.
pub(crate) fn expired(method: &str) -> Error {
    Error::new(ErrorKind::SessionExpired, "the server has lost the session")
        .with_method(method.to_owned())
        .with_delivery(Delivery::Answered)
}

/// No new session could be opened for `method`, for this reason.
pub(crate) fn not_reinitialized(method: &str, reason: Error) -> Error {
    match reason.is_closed() {
        true => reason,
        false => expired(method).with_source(reason),
    }
}

use std::borrow::Cow;

use http::Uri;
use mcp_transport::{Delivery, Error, ErrorKind};

/// Converts a failure of HTTP into the error of the message that was sent by `method`.
pub(crate) fn from_http(error: mcp_http::Error, method: &str, url: &Uri) -> Error {
    let error = error.into_transport_error(method, url);
    match error.kind() {
        // Whatever it was, it was the response.
        ErrorKind::TooLarge => error.with_delivery(Delivery::Answered),
        _ => error,
    }
}

/// The server answered `method` with something that is not a response.
pub(crate) fn no_response(method: &str, why: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Protocol, why)
        .with_method(method.to_owned())
        .with_delivery(Delivery::Answered)
}

/// The stream of the response to `method` ended too early.
pub(crate) fn ended_early(method: &str, text: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Interrupted, text).with_method(method.to_owned())
}

/// The server has lost the session, and another one could not be opened.
pub(crate) fn expired(method: &str) -> Error {
    Error::new(ErrorKind::SessionExpired, "the server has lost the session")
        .with_method(method.to_owned())
        .with_delivery(Delivery::Answered)
}

/// Another session could not be opened for `method` in place of the lost one, for this reason.
pub(crate) fn not_reinitialized(method: &str, reason: Error) -> Error {
    match reason.is_closed() {
        true => reason,
        false => expired(method).with_source(reason),
    }
}

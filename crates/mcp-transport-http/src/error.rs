use http::Uri;
use mcp_http::{ErrorKind as HttpKind, SafeUrl, StatusError};
use mcp_transport::{Delivery, Error, ErrorKind};

/// What a failure of HTTP means for the message that was sent by `method`.
pub(crate) fn from_http(error: mcp_http::Error, method: &str, uri: &Uri) -> Error {
    let url = SafeUrl(uri);
    let (kind, text) = match error.kind() {
        HttpKind::InvalidUrl | HttpKind::TlsUnavailable => {
            (ErrorKind::Config, format!("{method}: no request can be sent to {url}"))
        }
        HttpKind::Connect(_) => (ErrorKind::Connect, format!("{method}: {url} cannot be reached")),
        HttpKind::Timeout(_) => {
            (ErrorKind::Timeout, format!("{method}: {url} took too long to answer"))
        }
        HttpKind::Redirect => {
            (ErrorKind::Redirect, format!("{method}: {url} points to somewhere else"))
        }
        HttpKind::TooLarge => {
            (ErrorKind::TooLarge, format!("{method}: the answer of {url} is too large"))
        }
        HttpKind::Closed | HttpKind::Reset | HttpKind::Body => (
            ErrorKind::Interrupted,
            format!("{method}: {url} broke off before the answer was there"),
        ),
        HttpKind::Protocol => (ErrorKind::Protocol, format!("{method}: {url} does not speak HTTP")),
        _ => (ErrorKind::Other, format!("{method}: the request to {url} failed")),
    };
    let delivery = match kind {
        _ if error.is_not_sent() => Delivery::NotSent,
        ErrorKind::Config => Delivery::NotSent,
        ErrorKind::Redirect | ErrorKind::TooLarge => Delivery::Answered,
        _ => Delivery::Unknown,
    };
    Error::new(kind, text).with_delivery(delivery).with_source(error)
}

/// The server refused what was sent by `method`.
pub(crate) fn from_status(error: StatusError, method: &str) -> Error {
    let kind = match error.status().as_u16() {
        401 | 403 => ErrorKind::Unauthorized,
        408 | 429 => ErrorKind::Status,
        400..=499 => ErrorKind::Rejected,
        _ => ErrorKind::Status,
    };
    Error::new(kind, format!("{method}: the server refused the request"))
        .with_delivery(Delivery::Answered)
        .with_source(error)
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

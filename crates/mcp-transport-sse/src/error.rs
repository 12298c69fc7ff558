use http::Uri;
use mcp_http::{ErrorKind as HttpKind, SafeUrl, StatusError};
use mcp_transport::{Delivery, Error, ErrorKind};

/// What a failure of HTTP means for what was sent by `method`.
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
            (ErrorKind::TooLarge, format!("{method}: {url} sent a message that is too large"))
        }
        HttpKind::Closed | HttpKind::Reset | HttpKind::Body => {
            (ErrorKind::Interrupted, format!("{method}: {url} broke off"))
        }
        HttpKind::Protocol => (ErrorKind::Protocol, format!("{method}: {url} does not speak HTTP")),
        _ => (ErrorKind::Other, format!("{method}: the request to {url} failed")),
    };
    let delivery = match kind {
        _ if error.is_not_sent() => Delivery::NotSent,
        ErrorKind::Config => Delivery::NotSent,
        ErrorKind::Redirect => Delivery::Answered,
        _ => Delivery::Unknown,
    };
    Error::new(kind, text).with_delivery(delivery).with_source(error)
}

/// The server refused what was sent by `method`.
pub(crate) fn from_status(error: StatusError, method: &str) -> Error {
    let kind = match error.status().as_u16() {
        200..=299 => ErrorKind::Protocol,
        401 | 403 => ErrorKind::Unauthorized,
        408 | 429 => ErrorKind::Status,
        400..=499 => ErrorKind::Rejected,
        _ => ErrorKind::Status,
    };
    let text = match kind {
        ErrorKind::Protocol => format!("{method}: the answer is no stream of events"),
        _ => format!("{method}: the server refused the request"),
    };
    Error::new(kind, text).with_delivery(Delivery::Answered).with_source(error)
}

/// The transport was closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the connection was closed")
}

/// The stream on which all answers come has ended.
pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::Interrupted, "the server ended its stream of events")
}

/// The server does not begin a session like the one that went with its stream.
pub(crate) fn expired(why: &'static str) -> Error {
    Error::new(ErrorKind::SessionExpired, why).with_delivery(Delivery::NotSent)
}

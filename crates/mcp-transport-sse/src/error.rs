use std::borrow::Cow;

use http::Uri;
use mcp_core::Excerpt;
use mcp_http::{StatusError, transport::SafeUrl};
use mcp_transport::{Delivery, Error, ErrorKind};

/// A failure to open the stream at `url`.
pub(crate) fn not_opened(url: &Uri, kind: ErrorKind, text: impl Into<Cow<'static, str>>) -> Error {
    Error::new(kind, text).with_target(SafeUrl(url).to_string()).with_method("GET")
}

/// The response to the GET is not an event stream.
pub(crate) fn no_stream(url: &Uri, response: StatusError) -> Error {
    if !response.status().is_success() {
        return response.into_transport_error("GET");
    }
    not_opened(url, ErrorKind::Protocol, "the response is not a stream of events")
        .with_delivery(Delivery::Answered)
        .with_source(response)
}

/// The server refused the POST of a message of `method`.
pub(crate) fn refused_post(refused: StatusError, method: &str) -> Error {
    if !matches!(refused.status().as_u16(), 404 | 405 | 410) {
        return refused.into_transport_error(method);
    }
    // The URL comes from the server, which may be wrong about it behind a proxy.
    let text = "the server refused the request at the URL that its own endpoint event named";
    Error::new(ErrorKind::Rejected, text)
        .with_target(refused.url().to_owned())
        .with_method(method.to_owned())
        .with_delivery(Delivery::Answered)
        .with_hint("if a proxy has a path in front of it, set `Sse::endpoint_prefix`")
        .with_source(refused)
}

/// The server accepted the request of `method` with a body that is neither a message nor an acknowledgement.
pub(crate) fn not_accepted(response: StatusError, method: &str) -> Error {
    let text = "the response to the POST is not a message";
    Error::new(ErrorKind::Protocol, text)
        .with_target(response.url().to_owned())
        .with_method(method.to_owned())
        .with_delivery(Delivery::Answered)
        .with_source(response)
}

/// The stream for all responses has ended.
pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::Interrupted, "the server ended its stream of events")
}

/// The same, after this data, which was not a message.
pub(crate) fn ended_after(data: &str) -> Error {
    let text = format!("the server ended its stream of events, the last data: {}", Excerpt(data));
    Error::new(ErrorKind::Interrupted, text)
}

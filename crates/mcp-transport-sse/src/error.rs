use std::borrow::Cow;

use http::Uri;
use mcp_http::{StatusError, transport::SafeUrl};
use mcp_transport::{Delivery, Error, ErrorKind};

/// A failure to open the stream at `url`.
pub(crate) fn not_opened(url: &Uri, kind: ErrorKind, text: impl Into<Cow<'static, str>>) -> Error {
    Error::new(kind, text).with_target(SafeUrl(url).to_string()).with_method("GET")
}

/// The response to the GET is not a stream of events.
pub(crate) fn no_stream(url: &Uri, response: StatusError) -> Error {
    if !response.status().is_success() {
        return response.into_transport_error("GET");
    }
    not_opened(url, ErrorKind::Protocol, "the response is not a stream of events")
        .with_delivery(Delivery::Answered)
        .with_source(response)
}

/// The stream on which all responses come has ended.
pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::Interrupted, "the server ended its stream of events")
}

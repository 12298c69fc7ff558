use mcp_http::StatusError;
use mcp_transport::{Delivery, Error, ErrorKind};

/// The server answered the GET with something that is no stream of events.
pub(crate) fn no_stream(answer: StatusError) -> Error {
    if !answer.status().is_success() {
        return answer.into_transport_error("GET");
    }
    Error::new(ErrorKind::Protocol, "GET: the answer is no stream of events")
        .with_delivery(Delivery::Answered)
        .with_source(answer)
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

use mcp_http::StatusError;
use mcp_transport::{Delivery, Error, ErrorKind};

/// The response to the GET is not a stream of events.
pub(crate) fn no_stream(response: StatusError) -> Error {
    if !response.status().is_success() {
        return response.into_transport_error("GET");
    }
    Error::new(ErrorKind::Protocol, "GET: the response is not a stream of events")
        .with_delivery(Delivery::Answered)
        .with_source(response)
}

/// The stream on which all responses come has ended.
pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::Interrupted, "the server ended its stream of events")
}

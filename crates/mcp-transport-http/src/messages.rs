use bytes::Bytes;
use mcp_core::{Message, ParseError, ParseErrorKind, parse_batch};
use mcp_http::sse::Event;

/// The data of an event that is a message; `None` for what only sets ids or wait times, and for events
/// of another type.
pub(crate) fn message_data(event: &mut Event) -> Option<Bytes> {
    if event.event.as_deref().is_some_and(|kind| !kind.is_empty() && kind != "message") {
        return None;
    }
    // A priming event has an id and empty data.
    event.data.take().filter(|data| !data.is_empty())
}

/// The messages of a frame: one, or several where revision 2025-03-26 is spoken.
pub(crate) enum Messages {
    One(Message),
    Many(Vec<Message>),
}

/// Parses a frame.
pub(crate) fn parse(frame: &Bytes, batches: bool) -> Result<Messages, ParseError> {
    match Message::parse(frame.clone()) {
        Ok(message) => Ok(Messages::One(message)),
        Err(ParseError { kind: ParseErrorKind::Batch, .. }) if batches => {
            parse_batch(frame.clone()).map(Messages::Many)
        }
        Err(error) => Err(error),
    }
}

/// The beginning of a frame, for people.
pub(crate) fn excerpt(frame: &[u8]) -> String {
    const SHOWN: usize = 80;
    let text = String::from_utf8_lossy(&frame[..frame.len().min(SHOWN)]);
    let dots = if frame.len() > SHOWN { "…" } else { "" };
    format!("{text:?}{dots}")
}

//! JSON-RPC messages in bodies and events.

use bytes::Bytes;
use mcp_core::{Excerpt, Message, ParseError, ParseErrorKind, RawJson, Request, parse_batch};

use crate::sse::Event;

/// The messages of a frame: one, or several in a batch.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a frame is a message or a batch")]
pub enum Messages {
    /// One message.
    One(Message),
    /// A batch, only in revision 2025-03-26.
    Batch(Vec<Message>),
}

impl Messages {
    /// Parses a frame. Batches are allowed only if `batches` is set.
    ///
    /// # Errors
    /// The frame is neither a message nor an allowed batch.
    pub fn parse(frame: &Bytes, batches: bool) -> Result<Self, ParseError> {
        match Message::parse(frame.clone()) {
            Ok(message) => Ok(Self::One(message)),
            Err(ParseError { kind: ParseErrorKind::Batch, .. }) if batches => {
                parse_batch(frame.clone()).map(Self::Batch)
            }
            Err(error) => Err(error),
        }
    }

    /// Parses the data of an event. Invalid UTF-8 is replaced by U+FFFD.
    ///
    /// # Errors
    /// The same as [`parse`](Self::parse).
    pub fn parse_data(data: &Bytes, batches: bool) -> Result<Self, ParseError> {
        // Checked only if parsing fails, since that is rare and the data may be large.
        Self::parse(data, batches).or_else(|error| match std::str::from_utf8(data) {
            Ok(_) => Err(error),
            Err(_) => Self::parse(&String::from_utf8_lossy(data).into_owned().into(), batches),
        })
    }

    /// Calls `f` with each message.
    pub fn for_each(self, f: impl FnMut(Message)) {
        match self {
            Self::One(message) => std::iter::once(message).for_each(f),
            Self::Batch(messages) => messages.into_iter().for_each(f),
        }
    }
}

/// The data of an event that is a message. `None` for an event that only sets an id or a delay, and for other event
/// types, except `error` if its data is a message; see [`error_data`] for other data of that type.
pub fn message_data(event: &mut Event) -> Option<Bytes> {
    // A priming event has an id and empty data.
    match event.event.as_deref() {
        None | Some("" | "message") => event.data.take().filter(|data| !data.is_empty()),
        Some("error") => event.data.take_if(|data| Message::parse(data.clone()).is_ok()),
        Some(_) => None,
    }
}

/// The data of an event of type `error`, which is text for humans.
#[must_use]
pub fn error_data(event: &Event) -> Option<&Bytes> {
    event.data.as_ref().filter(|_| event.event.as_deref() == Some("error"))
}

/// Events of a stream that are not messages, to explain why a response is missing.
#[derive(Debug, Clone, Default)]
pub struct SkippedEvents {
    count: u64,
    last: String,
}

impl SkippedEvents {
    /// Adds the data of an event, of which the start is stored.
    pub fn add(&mut self, data: &[u8]) {
        let start = &data[..data.len().min(2 << 10)];
        self.count += 1;
        self.last = Excerpt(&String::from_utf8_lossy(start)).to_string();
    }

    /// The number of skipped events.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// An excerpt of the last one.
    #[must_use]
    pub fn last(&self) -> Option<&str> {
        (self.count > 0).then_some(&*self.last)
    }
}

/// Encodes a message as a body.
#[must_use]
pub fn encode(message: &Message) -> Bytes {
    let mut body = Vec::with_capacity(message.payload_len() + 128);
    message.encode(&mut body);
    body.into()
}

/// Encodes a request as a body.
#[must_use]
pub fn encode_request(request: &Request) -> Bytes {
    let params = request.params.as_ref().map_or(0, RawJson::len);
    let mut body = Vec::with_capacity(params + request.method.len() + 96);
    request.encode(&mut body);
    body.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use mcp_core::Notification;

    use super::*;

    #[test]
    fn invalid_utf_8_in_an_event_is_replaced() {
        let data = Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"method\":\"a\xff\"}");
        assert!(Messages::parse(&data, false).is_err());
        let Messages::One(Message::Notification(notification)) =
            Messages::parse_data(&data, false).unwrap()
        else {
            panic!()
        };
        assert_eq!(notification.method, "a\u{fffd}");
        assert!(Messages::parse_data(&Bytes::from_static(b"\xff"), false).is_err());
    }

    #[test]
    fn batches_are_parsed_only_if_allowed() {
        let one = br#"{"jsonrpc":"2.0","method":"n"}"#;
        let batch = Bytes::from(format!("[{0},{0}]", std::str::from_utf8(one).unwrap()));
        let count = |frame: &Bytes, batches| {
            let mut count = 0;
            let parsed = Messages::parse(frame, batches);
            parsed.ok().map(|messages| messages.for_each(|_| count += 1)).map(|()| count)
        };
        assert_eq!(count(&Bytes::from_static(one), false), Some(1));
        assert_eq!(count(&batch, true), Some(2));
        assert_eq!(count(&batch, false), None);
        let message = Message::from(Notification::new("n"));
        assert_eq!(encode(&message), &one[..]);
    }

    #[test]
    fn messages_are_the_data_of_message_events() {
        for (kind, data, is_message) in [
            (None, "{}", true),
            (Some("message"), "{}", true),
            (Some(""), "{}", true),
            (Some("endpoint"), "/x", false),
            (Some("error"), "no", false),
            (Some("error"), r#"{"jsonrpc":"2.0","method":"n"}"#, true),
            (None, "", false),
        ] {
            let (kind, data) = (kind.map(Into::into), Some(data.into()));
            let mut event = Event { event: kind, data, ..Event::default() };
            assert_eq!(message_data(&mut event).is_some(), is_message, "{event:?}");
        }
    }
}

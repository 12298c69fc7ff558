//! Response bodies.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use mcp_core::Message;
use tokio::time::{Instant, Sleep, sleep};

/// The interval of comments in an event stream: shorter than the idle timeout of common proxies.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);

/// The body of a response of [`Http`](super::Http): empty, JSON, or a stream of events.
pub struct Body(Kind);

enum Kind {
    Full(Option<Bytes>),
    Events { events: Events, silence: Silence },
    Over,
}

/// Encoded events.
pub(crate) type Events = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

impl Body {
    pub(crate) fn empty() -> Self {
        Self(Kind::Full(None))
    }

    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Full(Some(bytes.into())))
    }

    /// An event stream, with a comment after each 15 s without an event. The comments keep proxies from closing the
    /// connection, and reveal disconnected clients.
    pub(crate) fn events(events: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::events_after(Silence::default(), events)
    }

    /// The same after a silence that has already begun.
    pub(crate) fn events_after(
        silence: Silence,
        events: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Self {
        Self(Kind::Events { events: Box::pin(events), silence })
    }
}

/// Measures the time without an event.
#[derive(Default)]
pub(crate) struct Silence(Option<Pin<Box<Sleep>>>);

impl Silence {
    /// Ready if a comment is due. The next one is due an interval later.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep(COMMENT_INTERVAL)));
        ready!(sleep.as_mut().poll(cx));
        sleep.as_mut().reset(Instant::now() + COMMENT_INTERVAL);
        Poll::Ready(())
    }

    /// Begins again after an event.
    fn end(&mut self) {
        if let Some(sleep) = &mut self.0 {
            sleep.as_mut().reset(Instant::now() + COMMENT_INTERVAL);
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut self.0 {
            Kind::Full(bytes) => bytes.take(),
            Kind::Events { events, silence } => match events.as_mut().poll_next(cx) {
                Poll::Ready(bytes) => {
                    silence.end();
                    bytes
                }
                Poll::Pending => {
                    ready!(silence.poll(cx));
                    Some(Bytes::from_static(b":\n\n"))
                }
            },
            Kind::Over => None,
        };
        if bytes.is_none() {
            // The stream's state is dropped as soon as the stream ends.
            self.0 = Kind::Over;
        }
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Over | Kind::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Events { .. } => SizeHint::default(),
            Kind::Over => SizeHint::with_exact(0),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Full(_) => "Body(full)",
            Kind::Events { .. } => "Body(events)",
            Kind::Over => "Body(over)",
        })
    }
}

/// An event with a message, and with an id if the stream can be resumed.
pub(crate) fn event(id: Option<&str>, message: &Message) -> Bytes {
    let mut event = Vec::new();
    if let Some(id) = id {
        event.extend_from_slice(b"id: ");
        event.extend_from_slice(id.as_bytes());
        event.push(b'\n');
    }
    event.extend_from_slice(b"event: message\ndata: ");
    message.encode(&mut event);
    event.extend_from_slice(b"\n\n");
    event.into()
}

/// An event without a message, after which a stream can be resumed.
pub(crate) fn priming_event(id: &str) -> Bytes {
    let mut event = BytesMut::new();
    event.extend_from_slice(b"id: ");
    event.extend_from_slice(id.as_bytes());
    event.extend_from_slice(b"\ndata:\n\n");
    event.freeze()
}

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::Message;

use crate::{Error, multiplex::InboundQueue};

/// What arrives on a connection and belongs to no exchange: notifications such as `list_changed`, and
/// (before 2026-07-28) requests of the server.
///
/// A [`Stream`] of `Result<Message, Error>` that ends when the connection does. More may follow an error
/// of three kinds: [`Overflow`](crate::ErrorKind::Overflow) says that messages were lost because nobody
/// read, [`Interrupted`](crate::ErrorKind::Interrupted) that some may have been lost on the way, and
/// [`SessionExpired`](crate::ErrorKind::SessionExpired) that a new session was begun at a server which has
/// forgotten all that it was asked to tell. Any other error says why the connection ended, and is the last
/// item. Reading it is not needed for exchanges to go on. Cancel safe.
pub struct Inbound(Source);

enum Source {
    None,
    Queue(InboundQueue),
    Stream(Pin<Box<dyn Stream<Item = Result<Message, Error>> + Send>>),
}

impl Inbound {
    /// For carriers on which nothing arrives outside exchanges: it is over at once.
    pub fn none() -> Self {
        Self(Source::None)
    }

    /// Polls `stream` in place.
    pub fn from_stream(
        stream: impl Stream<Item = Result<Message, Error>> + Send + 'static,
    ) -> Self {
        Self(Source::Stream(Box::pin(stream)))
    }

    pub(crate) fn from_queue(queue: InboundQueue) -> Self {
        Self(Source::Queue(queue))
    }

    /// Whether nothing can ever arrive here, so that nobody needs to read.
    pub fn is_none(&self) -> bool {
        matches!(self.0, Source::None)
    }

    /// The next item; `None` when the connection is over. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Inbound {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Source::None => Poll::Ready(None),
            Source::Queue(queue) => queue.poll_next(cx),
            Source::Stream(stream) => stream.as_mut().poll_next(cx),
        }
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound").field("none", &self.is_none()).finish()
    }
}

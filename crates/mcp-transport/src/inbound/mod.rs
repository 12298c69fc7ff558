mod chain;
mod channel;

use std::{
    error::Error as StdError,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::Message;

use crate::Error;

pub use chain::InboundChain;
pub(crate) use channel::Pause;
pub use channel::{InboundSender, Rejected};

/// What arrives on a connection and belongs to no exchange: notifications such as `list_changed`, and
/// (before 2026-07-28) requests of the server.
///
/// A [`Stream`] of `Result<InboundItem, Error>`. An error is the last item, and says why the connection
/// ended; a connection that ends in order may end the stream without one. A [`Gap`], where messages may be
/// missing, is an item like others. Reading it is not needed for exchanges to make progress. Cancel safe.
pub struct Inbound(Source);

enum Source {
    None,
    Channel(channel::Receiver),
    /// Never locked: the mutex lets a `&Inbound` be sent to another thread.
    Stream(Mutex<Items>),
}

type Items = Pin<Box<dyn Stream<Item = Result<InboundItem, Error>> + Send>>;

/// One item of [`Inbound`].
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "what arrived, or that something did not")]
pub enum InboundItem {
    /// A notification or a request of the server.
    Message(Message),
    /// Messages may be missing here.
    Gap(Gap),
}

/// Why messages may be missing from [`Inbound`]. The connection is still open.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Gap {
    /// More arrived than was read, and some of it was dropped.
    Lagged(Lagged),
    /// The way on which the server sends was interrupted and is open again, with the cause where one is
    /// known. The server may have sent something meanwhile.
    Interrupted(Option<Error>),
    /// The server has lost its session and a new one was opened, with the cause where one is known. The
    /// server has forgotten subscriptions, log levels and the like.
    NewSession(Option<Error>),
}

/// How many messages were dropped unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Lagged {
    /// Log and progress messages, which are dropped first.
    pub logs: u64,
    /// All others. Requests of the server were answered with an error.
    pub others: u64,
}

impl Inbound {
    /// For carriers on which nothing arrives outside exchanges: it is over at once.
    pub fn none() -> Self {
        Self(Source::None)
    }

    /// Polls `stream` in place.
    pub fn from_stream(
        stream: impl Stream<Item = Result<InboundItem, Error>> + Send + 'static,
    ) -> Self {
        Self(Source::Stream(Mutex::new(Box::pin(stream))))
    }

    /// Whether nothing can ever arrive here, so that nobody needs to read.
    pub fn is_none(&self) -> bool {
        matches!(self.0, Source::None)
    }

    /// The next item; `None` when the connection is over. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<InboundItem, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Inbound {
    type Item = Result<InboundItem, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Source::None => Poll::Ready(None),
            Source::Channel(receiver) => receiver.poll_next(cx),
            Source::Stream(stream) => {
                let stream = stream.get_mut().unwrap_or_else(PoisonError::into_inner);
                stream.as_mut().poll_next(cx)
            }
        }
    }
}

impl InboundItem {
    /// The message, unless it is a gap.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Gap(_) => None,
        }
    }
}

impl From<Message> for InboundItem {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

impl From<Gap> for InboundItem {
    fn from(gap: Gap) -> Self {
        Self::Gap(gap)
    }
}

impl Gap {
    /// The cause, where one is known.
    pub fn cause(&self) -> Option<&Error> {
        match self {
            Self::Lagged(_) => None,
            Self::Interrupted(cause) | Self::NewSession(cause) => cause.as_ref(),
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lagged(Lagged { logs, others: 0 }) => {
                write!(f, "{logs} log messages were dropped unread")
            }
            Self::Lagged(Lagged { logs, others }) => {
                write!(f, "{} messages were dropped unread", logs + others)
            }
            Self::Interrupted(_) => f.write_str("the stream of the server was interrupted"),
            Self::NewSession(_) => {
                f.write_str("the server lost its session, and a new one was opened")
            }
        }
    }
}

impl StdError for Gap {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause().map(|cause| cause as &(dyn StdError + 'static))
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound").field("none", &self.is_none()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Or no future that holds one could be spawned.
    #[test]
    fn it_can_be_shared_between_threads() {
        fn is_shareable<T: Send + Sync>() {}
        is_shareable::<Inbound>();
    }
}

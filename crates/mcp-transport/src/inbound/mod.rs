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

use crate::{Error, Limits};

pub use chain::InboundChain;
pub(crate) use channel::Pause;
pub use channel::{InboundSender, Undelivered};

/// The messages of a connection outside any exchange: notifications such as
/// `notifications/tools/list_changed`, and (before 2026-07-28) requests of the server.
///
/// A [`Stream`] of `Result<InboundItem, Error>`. An error is the last item, and is the reason why the
/// connection ended. After a graceful close the stream may end without an error. A [`Gap`], where messages
/// may be missing, is an ordinary item. Exchanges make progress whether or not `Inbound` is read. Cancel
/// safe.
///
/// ```
/// use mcp_transport::{Error, Inbound, InboundItem};
///
/// async fn read(mut inbound: Inbound) -> Result<(), Error> {
///     while let Some(item) = inbound.next().await {
///         match item? {
///             InboundItem::Message(message) => println!("{message:?}"),
///             InboundItem::Gap(gap) => println!("messages may be missing: {gap}"),
///         }
///     }
///     Ok(())
/// }
/// ```
pub struct Inbound(Source);

enum Source {
    None,
    Channel(channel::Receiver),
    /// Never locked: the mutex makes `Inbound` `Sync`.
    Stream(Mutex<Items>),
}

type Items = Pin<Box<dyn Stream<Item = Result<InboundItem, Error>> + Send>>;

/// One item of [`Inbound`].
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "a message, or the absence of messages")]
pub enum InboundItem {
    /// A notification or a request of the server.
    Message(Message),
    /// Messages may be missing here.
    Gap(Gap),
}

/// The reason why messages may be missing from [`Inbound`]. The connection is still open.
#[doc(alias = "disconnect")]
#[doc(alias = "reconnect")]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Gap {
    /// The reader was too slow, and messages were dropped.
    Lagged(Lagged),
    /// The stream of server messages was interrupted and is open again. Messages sent in between are lost.
    /// Holds the cause, if it is known.
    Interrupted(Option<Error>),
    /// The server lost its session, and a new one was opened. Subscriptions, the log level and other state
    /// of the session are lost. Holds the cause, if it is known.
    NewSession(Option<Error>),
}

/// The number of messages that were dropped unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Lagged {
    /// Log and progress messages. They are dropped first.
    pub logs: u64,
    /// All other messages. Requests of the server were answered with an error.
    pub others: u64,
}

impl Lagged {
    /// Creates a count of messages that were dropped unread.
    pub const fn new(logs: u64, others: u64) -> Self {
        Self { logs, others }
    }
}

impl Inbound {
    /// Creates an `Inbound` that ends at once, for transports without messages outside exchanges.
    pub fn none() -> Self {
        Self(Source::None)
    }

    /// Creates an `Inbound` that reads from a bounded queue, with the sender of the queue.
    ///
    /// The bounds are [`Limits::inbound`] messages and [`Limits::waiting`] bytes.
    ///
    /// ```
    /// # use mcp_core::Notification;
    /// # use mcp_transport::{Inbound, Limits};
    /// # async fn example() {
    /// let (sender, mut inbound) = Inbound::channel(&Limits::default());
    /// sender.push(Notification::new("notifications/tools/list_changed").into()).unwrap();
    /// sender.end(None);
    /// assert!(inbound.next().await.unwrap().is_ok());
    /// assert!(inbound.next().await.is_none());
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example());
    /// ```
    pub fn channel(limits: &Limits) -> (InboundSender, Self) {
        let (sender, receiver) = channel::channel(limits);
        (sender, Self(Source::Channel(receiver)))
    }

    /// Creates an `Inbound` that reads the `Inbound`s of successive connections, which are pushed into the
    /// [`InboundChain`].
    ///
    /// When one of them ends, the reader receives a [`Gap`], which `gap` makes from its last error. The end
    /// of the [last](InboundChain::last) one ends the whole.
    #[doc(alias = "reconnect")]
    pub fn successive(gap: impl Fn(Option<Error>) -> Gap + Send + 'static) -> (InboundChain, Self) {
        let (chain, reader) = chain::chain(gap);
        (chain, Self::from_stream(reader))
    }

    /// Creates an `Inbound` that polls `stream` in place.
    pub fn from_stream(
        stream: impl Stream<Item = Result<InboundItem, Error>> + Send + 'static,
    ) -> Self {
        Self(Source::Stream(Mutex::new(Box::pin(stream))))
    }

    /// Whether it was created with [`none`](Self::none): no item can arrive, and it need not be read.
    pub fn is_none(&self) -> bool {
        matches!(self.0, Source::None)
    }

    /// Receives the next item, or `None` when the connection has ended. Cancel safe.
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
    /// Returns the message, or `None` for a gap.
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
    /// The cause, if it is known.
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
            Self::Interrupted(_) => f.write_str("the stream of server messages was interrupted"),
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

    /// A future that holds `&Inbound` across an await can be spawned only if `Inbound` is `Sync`.
    #[test]
    fn inbound_is_send_and_sync() {
        fn is_shareable<T: Send + Sync>() {}
        is_shareable::<Inbound>();
    }
}

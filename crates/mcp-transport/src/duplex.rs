//! A transport folded into one `Sink` and one `Stream`.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use futures_core::Stream;
use futures_sink::Sink;
use mcp_core::{Message, ProtocolVersion, RequestId, method};

use tokio::time::{Sleep, sleep};

use crate::{
    Connection, Envelope, Error, ErrorKind, Exchange, Gap, Inbound, InboundItem, OneWay,
    SharedTransport, Transport,
};

/// A transport folded into one `Sink` and one `Stream` of messages, for protocol layers that are
/// written against a duplex.
///
/// Requests that are sent open exchanges; their messages and responses, and what belongs to no
/// exchange, come out of the stream as they arrive. An error of the stream is its last item: the
/// connection is over. Nothing is spawned: the exchanges make progress as the stream is polled. Dropping
/// the duplex drops every open exchange. Send `notifications/cancelled` to cancel one: it is dropped then,
/// and the transport cancels it in its own way.
///
/// Messages are handed to the transport in the order they were sent, and a one-way message has reached it
/// before the next message does. Responses come in any order. Closing the sink still sends the one-way
/// messages, for five seconds at the most, cancels what is open and closes the transport. Cancel safe.
///
/// # Errors
/// The sink itself fails only when it is closed; a message that could not be sent is a
/// [`DuplexItem::Failed`] of the stream.
pub struct Duplex {
    transport: SharedTransport,
    inbound: Option<Inbound>,
    version: Option<ProtocolVersion>,
    /// Sent and not yet begun, in order.
    queue: VecDeque<Message>,
    /// A one-way message on its way to the transport; what follows it waits.
    sending: Option<BoxFuture<()>>,
    open: Vec<Open>,
    /// The exchange that is polled first, so that none starves.
    turn: usize,
    /// Whoever polls the stream; woken when something was sent.
    reader: Option<Waker>,
    /// Whoever waits to send; woken when an exchange has ended.
    writer: Option<Waker>,
    closing: Option<BoxFuture<()>>,
    /// The time for what is still sent when it is closed.
    flushing: Option<Pin<Box<Sleep>>>,
    /// The connection is over, perhaps with an error that was not yielded yet: the stream ends with the last
    /// exchange.
    over: Option<Option<Error>>,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// How many messages and exchanges may be open before the sink is full.
const OPEN: usize = 1024;
/// How long closing waits for one-way messages to be sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// One item of a [`Duplex`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DuplexItem {
    /// A message of the server.
    Message(Message),
    /// A message that was sent failed below the protocol.
    Failed {
        /// The request concerned; `None` for a one-way message.
        id: Option<RequestId>,
        /// What went wrong.
        error: Error,
    },
    /// Messages that belong to no exchange may be missing here.
    Gap(Gap),
}

struct Open {
    id: RequestId,
    state: State,
}

enum State {
    Opening(BoxFuture<Exchange>),
    Running(Exchange),
    Failed(Error),
}

impl Duplex {
    /// Folds a connection.
    pub fn new<T: Transport>(connection: Connection<T>) -> Self {
        Self {
            transport: SharedTransport::new(connection.transport),
            inbound: Some(connection.inbound),
            version: None,
            queue: VecDeque::new(),
            sending: None,
            open: Vec::new(),
            turn: 0,
            reader: None,
            writer: None,
            closing: None,
            flushing: None,
            over: None,
        }
    }

    /// Sets the revision that the messages are written in, once it is negotiated.
    pub fn set_version(&mut self, version: impl Into<Option<ProtocolVersion>>) {
        self.version = version.into();
    }

    /// Begins what was sent, up to a one-way message that the transport has not taken yet.
    fn poll_start(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if let Some(sending) = &mut self.sending {
                let sent = ready!(sending.as_mut().poll(cx));
                self.sending = None;
                sent?;
            }
            let Some(message) = self.queue.pop_front() else { return Poll::Ready(Ok(())) };
            if !matches!(message, Message::Request(_)) {
                self.wake_writer();
            }
            self.start(message, cx);
        }
    }

    fn start(&mut self, message: Message, cx: &mut Context<'_>) {
        let transport = self.transport.clone();
        let version = self.version;
        let message: OneWay = match message {
            Message::Request(request) => {
                let id = request.id.clone();
                let request = Envelope::new(request).with_version(version);
                let opening = Box::pin(async move { transport.request(request).await });
                let mut open = Open { id, state: State::Opening(opening) };
                // Polled at once, so that nothing that follows can overtake it.
                open.poll_open(cx);
                self.open.push(open);
                return;
            }
            Message::Notification(notification) => {
                if let Some(id) = cancelled(&notification)
                    && let Some(at) = self.open.iter().position(|open| open.id == id)
                {
                    self.remove(at);
                    return;
                }
                notification.into()
            }
            Message::Response(response) => response.into(),
        };
        let message = Envelope::new(message).with_version(version);
        self.sending = Some(Box::pin(async move { transport.send(message).await }));
    }

    fn remove(&mut self, at: usize) -> Open {
        self.wake_writer();
        self.open.remove(at)
    }

    /// There is room for another message.
    fn wake_writer(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    /// The next item of any exchange, each in its turn.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<DuplexItem> {
        let mut polled = 0;
        while polled < self.open.len() {
            let at = (self.turn + polled) % self.open.len();
            match self.open[at].poll(cx) {
                Poll::Pending => polled += 1,
                Poll::Ready(None) => {
                    self.remove(at);
                }
                Poll::Ready(Some(Ok(message))) => {
                    self.turn = at + 1;
                    if matches!(message, Message::Response(_)) {
                        self.remove(at);
                        self.turn = at;
                    }
                    return Poll::Ready(DuplexItem::Message(message));
                }
                Poll::Ready(Some(Err(error))) => {
                    self.turn = at;
                    let id = Some(self.remove(at).id);
                    return Poll::Ready(DuplexItem::Failed { id, error });
                }
            }
        }
        Poll::Pending
    }
}

impl Duplex {
    /// Sends the one-way messages that are left, as long as the server takes them.
    fn poll_last(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.queue.retain(|message| !matches!(message, Message::Request(_)));
        let flushing = self.flushing.get_or_insert_with(|| Box::pin(sleep(FLUSH_TIMEOUT)));
        if flushing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        while let Err(error) = ready!(self.poll_start(cx)) {
            if error.kind() == ErrorKind::Closed {
                break;
            }
        }
        Poll::Ready(())
    }
}

fn cancelled(notification: &mcp_core::Notification) -> Option<RequestId> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params {
        request_id: RequestId,
    }
    if notification.method != method::NOTIFICATIONS_CANCELLED {
        return None;
    }
    notification.params.as_ref()?.decode::<Params>().ok().map(|params| params.request_id)
}

impl Open {
    fn poll_open(&mut self, cx: &mut Context<'_>) {
        if let State::Opening(opening) = &mut self.state
            && let Poll::Ready(opened) = opening.as_mut().poll(cx)
        {
            self.state = opened.map_or_else(State::Failed, State::Running);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        match &mut self.state {
            State::Opening(_) => Poll::Pending,
            State::Running(exchange) => exchange.poll_item(cx),
            State::Failed(error) => Poll::Ready(Some(Err(error.clone()))),
        }
    }
}

impl Stream for Duplex {
    type Item = Result<DuplexItem, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.reader = Some(cx.waker().clone());
        // Those that were sent first are the first to find room in the transport.
        this.open.iter_mut().for_each(|open| open.poll_open(cx));
        if let Poll::Ready(Err(error)) = this.poll_start(cx) {
            return Poll::Ready(Some(Ok(DuplexItem::Failed { id: None, error })));
        }
        if let Poll::Ready(item) = this.poll_open(cx) {
            return Poll::Ready(Some(Ok(item)));
        }
        if let Some(inbound) = &mut this.inbound {
            match Pin::new(inbound).poll_next(cx) {
                Poll::Ready(Some(Ok(InboundItem::Message(message)))) => {
                    return Poll::Ready(Some(Ok(DuplexItem::Message(message))));
                }
                Poll::Ready(Some(Ok(InboundItem::Gap(gap)))) => {
                    return Poll::Ready(Some(Ok(DuplexItem::Gap(gap))));
                }
                Poll::Ready(Some(Err(error))) => {
                    this.inbound = None;
                    this.over.get_or_insert(Some(error));
                }
                // Over: some carriers have no such traffic at all, so the exchanges go on.
                Poll::Ready(None) => this.inbound = None,
                Poll::Pending => {}
            }
        }
        match &mut this.over {
            Some(error) if this.open.is_empty() && this.sending.is_none() => {
                Poll::Ready(error.take().map(Err))
            }
            _ => Poll::Pending,
        }
    }
}

impl Sink<Message> for Duplex {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.open.len() + self.queue.len() < OPEN {
            return Poll::Ready(Ok(()));
        }
        // Room comes as the stream is polled.
        self.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.queue.push_back(message);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(this.poll_last(cx));
            (this.sending, this.flushing) = (None, None);
            this.queue.clear();
            this.open.clear();
            let transport = this.transport.clone();
            this.closing = Some(Box::pin(async move { transport.close().await }));
        }
        let closing = this.closing.as_mut().expect("it has just been set where it was not");
        let closed = ready!(closing.as_mut().poll(cx));
        this.closing = Some(Box::pin(async { Ok(()) }));
        this.over = Some(None);
        if let Some(reader) = this.reader.take() {
            reader.wake();
        }
        Poll::Ready(closed)
    }
}

impl fmt::Debug for Duplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duplex").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "duplex_tests.rs"]
mod tests;

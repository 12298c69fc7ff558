use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use futures_core::Stream;
use futures_sink::Sink;
use mcp_core::{Message, ProtocolVersion, RequestId, method};

use crate::{Connection, Envelope, Error, Exchange, Inbound, OneWay, SharedTransport, Transport};

/// A transport folded into one `Sink` and one `Stream` of messages, for protocol layers that are
/// written against a duplex.
///
/// Requests that are sent open exchanges; their messages and responses, and what belongs to no
/// exchange, come out of the stream as they arrive. A request that fails below the protocol ends the
/// stream's turn with an error item that is not terminal: the duplex goes on unless the connection is
/// over. Nothing is spawned: the exchanges make progress as the stream is polled. Dropping the duplex
/// drops every open exchange. Send `notifications/cancelled` to cancel one: it is dropped then, and the
/// transport tells the server in its own way.
///
/// Messages begin in the order they were sent, and a one-way message has reached the transport before
/// the next message begins. Responses come in any order. Closing the sink still sends the one-way
/// messages, cancels what is open and closes the transport. Cancel safe.
///
/// # Errors
/// The sink itself never fails; what goes wrong arrives at the stream, with the id of the request in
/// [`DuplexError`](crate::DuplexError).
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
    /// The connection is over: the stream ends with the last exchange.
    over: bool,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// How many messages and exchanges may be open before the sink is full.
const OPEN: usize = 1024;

struct Open {
    id: RequestId,
    state: State,
}

enum State {
    Opening(BoxFuture<Exchange>),
    Running(Exchange),
    Failed(Error),
}

/// What went wrong below the protocol with one message that was put into a [`Duplex`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DuplexError {
    /// The request concerned; `None` where it is a one-way message or the connection.
    pub id: Option<RequestId>,
    /// What went wrong.
    pub error: Error,
}

impl fmt::Display for DuplexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "request {id} failed"),
            None => f.write_str("the connection failed"),
        }
    }
}

impl std::error::Error for DuplexError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
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
            over: false,
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
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
        self.open.remove(at)
    }

    /// The next item of any exchange, each in its turn.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, DuplexError>> {
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
                    return Poll::Ready(Ok(message));
                }
                Poll::Ready(Some(Err(error))) => {
                    self.turn = at;
                    let id = Some(self.remove(at).id);
                    return Poll::Ready(Err(DuplexError { id, error }));
                }
            }
        }
        Poll::Pending
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
    type Item = Result<Message, DuplexError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.reader = Some(cx.waker().clone());
        // Those that were sent first are the first to find room in the transport.
        this.open.iter_mut().for_each(|open| open.poll_open(cx));
        if let Poll::Ready(Err(error)) = this.poll_start(cx) {
            return Poll::Ready(Some(Err(DuplexError { id: None, error })));
        }
        if let Poll::Ready(item) = this.poll_open(cx) {
            return Poll::Ready(Some(item));
        }
        if let Some(inbound) = &mut this.inbound {
            match Pin::new(inbound).poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    this.over |= item.as_ref().is_err_and(Error::is_closed);
                    return Poll::Ready(Some(
                        item.map_err(|error| DuplexError { id: None, error }),
                    ));
                }
                // Over: some carriers have no such traffic at all, so the exchanges go on.
                Poll::Ready(None) => this.inbound = None,
                Poll::Pending => {}
            }
        }
        match this.over && this.open.is_empty() && this.sending.is_none() {
            true => Poll::Ready(None),
            false => Poll::Pending,
        }
    }
}

impl Sink<Message> for Duplex {
    type Error = DuplexError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), DuplexError>> {
        if self.open.len() + self.queue.len() < OPEN {
            return Poll::Ready(Ok(()));
        }
        // Room comes as the stream is polled.
        self.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), DuplexError> {
        self.queue.push_back(message);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), DuplexError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), DuplexError>> {
        let this = &mut *self;
        if this.closing.is_none() {
            this.queue.retain(|message| !matches!(message, Message::Request(_)));
            while let Err(error) = ready!(this.poll_start(cx)) {
                if error.is_closed() {
                    break;
                }
            }
            this.open.clear();
            let transport = this.transport.clone();
            this.closing = Some(Box::pin(async move { transport.close().await }));
        }
        let closing = this.closing.as_mut().expect("it has just been set where it was not");
        let closed = ready!(closing.as_mut().poll(cx));
        this.closing = Some(Box::pin(async { Ok(()) }));
        this.over = true;
        if let Some(reader) = this.reader.take() {
            reader.wake();
        }
        Poll::Ready(closed.map_err(|error| DuplexError { id: None, error }))
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

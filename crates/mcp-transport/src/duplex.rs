//! A transport as one `Sink` and one `Stream` of messages.

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
use mcp_core::{
    ErrorObject, Message, ProtocolVersion, RawJson, Request, RequestId, Response, error_code,
    method,
};

use tokio::time::{Sleep, sleep};

use crate::{
    Connection, Envelope, Error, ErrorKind, Exchange, Gap, Inbound, InboundItem, OneWay,
    SharedTransport, Transport,
};

/// A transport as one `Sink` and one `Stream` of messages, for SDKs that correlate messages themselves.
///
/// The sink accepts requests and one-way messages; each request opens an exchange. The stream yields the
/// messages and responses of all exchanges, and messages outside any exchange, as they arrive. An error of
/// the stream is its last item: the connection has ended. No task is spawned: the stream must be polled for
/// messages to be sent and received.
///
/// Send `notifications/cancelled` to cancel a request: its exchange is dropped, and the transport cancels
/// it in its own way. Dropping the duplex drops every open exchange.
///
/// Messages reach the transport in the order they were sent, and a one-way message is accepted by the
/// transport before the next message is sent. Responses arrive in any order. Closing the sink sends the
/// queued one-way messages, for at most 5 s, cancels open requests and closes the transport.
///
/// Cancel safe. The sink is full at 1024 queued messages and open exchanges. Needs tokio's timer.
///
/// An example is in the [guide](crate::guide::using_one_transport).
///
/// # Errors
/// The sink fails only when closing the transport fails. A message that could not be sent is a
/// [`DuplexItem::Failed`] of the stream.
pub struct Duplex {
    transport: SharedTransport,
    inbound: Option<Inbound>,
    version: Option<ProtocolVersion>,
    /// Whether the application has set the version.
    is_version_set: bool,
    /// Messages accepted by the sink, not yet passed to the transport.
    queue: VecDeque<Message>,
    /// A one-way message that the transport has not accepted yet. Later messages wait for it.
    sending: Option<BoxFuture<()>>,
    open: Vec<OpenExchange>,
    /// The index of the exchange to be polled first, so that none starves.
    next: usize,
    /// The task that polls the stream. Woken when a message was sent.
    reader: Option<Waker>,
    /// The task that waits for room in the sink. Woken when an exchange has ended.
    writer: Option<Waker>,
    closing: Option<BoxFuture<()>>,
    /// The timer of [`FLUSH_TIMEOUT`], while the sink is closing.
    flush_timer: Option<Pin<Box<Sleep>>>,
    /// Set when the connection has ended, with an error that has not been yielded yet. The stream ends after
    /// the last exchange.
    ended: Option<Option<Error>>,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// The number of queued messages and open exchanges at which the sink is full.
const CAPACITY: usize = 1024;
/// The longest time that closing waits for one-way messages to be sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// One item of a [`Duplex`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DuplexItem {
    /// A message of the server.
    Message(Message),
    /// A message failed below the protocol. For a request, it takes the place of the response.
    Failed {
        /// The id of the request, or `None` for a one-way message.
        id: Option<RequestId>,
        /// The failure.
        error: Error,
    },
    /// Messages outside any exchange may be missing here.
    Gap(Gap),
}

impl DuplexItem {
    /// Converts the item into a message, for an SDK that handles only messages. A failed request becomes an error
    /// response with code -32603, whose text is the failure with all of its causes. `None` for a failed one-way message
    /// and for a gap.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Failed { id: Some(id), error } => {
                let mut text = error.to_string();
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    text = format!("{text}: {cause}");
                    source = cause.source();
                }
                let error = ErrorObject::new(error_code::INTERNAL_ERROR, text);
                Some(Response::error(id, error).into())
            }
            Self::Failed { id: None, .. } | Self::Gap(_) => None,
        }
    }
}

struct OpenExchange {
    id: RequestId,
    is_initialize: bool,
    state: State,
}

enum State {
    Opening(BoxFuture<Exchange>),
    Running(Exchange),
    Failed(Error),
}

impl Duplex {
    /// Wraps a connection.
    pub fn new<T: Transport>(connection: Connection<T>) -> Self {
        Self {
            transport: SharedTransport::new(connection.transport),
            inbound: Some(connection.inbound),
            version: None,
            is_version_set: false,
            queue: VecDeque::new(),
            sending: None,
            open: Vec::new(),
            next: 0,
            reader: None,
            writer: None,
            closing: None,
            flush_timer: None,
            ended: None,
        }
    }

    /// Sets the protocol version of all later messages, instead of detecting it. `None` is handled as the legacy era.
    ///
    /// Default: the version in the `_meta` of the latest request that has one, or in the latest result of
    /// `initialize`; `None` before both.
    pub fn set_version(&mut self, version: impl Into<Option<ProtocolVersion>>) {
        self.version = version.into();
        self.is_version_set = true;
    }

    /// The version to send a request with.
    fn version_of(&mut self, request: &Request) -> Option<ProtocolVersion> {
        if self.is_version_set {
            return self.version;
        }
        // The version is not negotiated yet.
        if request.method == method::INITIALIZE {
            return None;
        }
        self.version = request.params.as_ref().and_then(stated_version).or(self.version);
        self.version
    }

    /// Detects the version in the result of `initialize`.
    fn detect_version(&mut self, response: &Response) {
        if self.is_version_set {
            return;
        }
        let result: Option<VersionOfResult> =
            response.outcome.as_ref().ok().and_then(|result| result.decode().ok());
        self.version = result.map(|result| result.protocol_version).or(self.version);
    }

    /// Passes queued messages to the transport, up to a one-way message that it has not accepted yet.
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
        let message: OneWay = match message {
            Message::Request(request) => {
                let id = request.id.clone();
                let is_initialize = request.method == method::INITIALIZE;
                let version = self.version_of(&request);
                let request = Envelope::new(request).with_version(version);
                let opening = Box::pin(async move { transport.request(request).await });
                let mut open = OpenExchange { id, is_initialize, state: State::Opening(opening) };
                // Polled at once, so that no later message overtakes it.
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
        let message = Envelope::new(message).with_version(self.version);
        self.sending = Some(Box::pin(async move { transport.send(message).await }));
    }

    fn remove(&mut self, at: usize) -> OpenExchange {
        self.wake_writer();
        self.open.remove(at)
    }

    /// Wakes the task that waits for room in the sink.
    fn wake_writer(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    /// Polls the open exchanges in round-robin order.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<DuplexItem> {
        let mut polled = 0;
        while polled < self.open.len() {
            let at = (self.next + polled) % self.open.len();
            match self.open[at].poll(cx) {
                Poll::Pending => polled += 1,
                Poll::Ready(None) => {
                    self.remove(at);
                }
                Poll::Ready(Some(Ok(message))) => {
                    self.next = at + 1;
                    if let Message::Response(response) = &message {
                        if self.remove(at).is_initialize {
                            self.detect_version(response);
                        }
                        self.next = at;
                    }
                    return Poll::Ready(DuplexItem::Message(message));
                }
                Poll::Ready(Some(Err(error))) => {
                    self.next = at;
                    let id = Some(self.remove(at).id);
                    return Poll::Ready(DuplexItem::Failed { id, error });
                }
            }
        }
        Poll::Pending
    }

    /// Sends the queued one-way messages, for at most [`FLUSH_TIMEOUT`].
    fn poll_flush_queue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.queue.retain(|message| !matches!(message, Message::Request(_)));
        let timer = self.flush_timer.get_or_insert_with(|| Box::pin(sleep(FLUSH_TIMEOUT)));
        if timer.as_mut().poll(cx).is_ready() {
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

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionOfResult {
    protocol_version: ProtocolVersion,
}

/// The version in the `_meta` of a request of the modern era.
fn stated_version(params: &RawJson) -> Option<ProtocolVersion> {
    #[derive(serde::Deserialize)]
    struct Params {
        #[serde(rename = "_meta")]
        meta: Meta,
    }
    #[derive(serde::Deserialize)]
    struct Meta {
        #[serde(rename = "io.modelcontextprotocol/protocolVersion")]
        version: ProtocolVersion,
    }
    params.decode::<Params>().ok().map(|params| params.meta.version)
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

impl OpenExchange {
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
        // In the order they were sent, so that the oldest request gets the next room in the transport.
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
                    this.ended.get_or_insert(Some(error));
                }
                // Some transports have no such messages: the exchanges stay open.
                Poll::Ready(None) => this.inbound = None,
                Poll::Pending => {}
            }
        }
        match &mut this.ended {
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
        if self.open.len() + self.queue.len() < CAPACITY {
            return Poll::Ready(Ok(()));
        }
        // Polling the stream makes room.
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
            ready!(this.poll_flush_queue(cx));
            (this.sending, this.flush_timer) = (None, None);
            this.queue.clear();
            this.open.clear();
            let transport = this.transport.clone();
            this.closing = Some(Box::pin(async move { transport.close().await }));
        }
        let closing = this.closing.as_mut().expect("set above if it was unset");
        let closed = ready!(closing.as_mut().poll(cx));
        this.closing = Some(Box::pin(async { Ok(()) }));
        this.ended = Some(None);
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

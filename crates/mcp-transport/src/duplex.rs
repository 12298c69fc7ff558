use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use futures_sink::Sink;
use mcp_core::Message;

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
/// # Errors
/// The sink itself never fails; what goes wrong arrives at the stream, with the id of the request in
/// [`DuplexError`](crate::DuplexError).
pub struct Duplex {
    transport: SharedTransport,
    inbound: Option<Inbound>,
    version: Option<mcp_core::ProtocolVersion>,
    open: Vec<Open>,
    /// Whoever polls the stream; woken when something was sent.
    reader: Option<Waker>,
    /// Whoever waits to send; woken when an exchange has ended.
    writer: Option<Waker>,
    closing: Option<BoxFuture<()>>,
    /// The connection is over: the stream ends with the last exchange.
    over: bool,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// How many exchanges may be open before the sink is full.
const OPEN: usize = 1024;

struct Open {
    id: Option<mcp_core::RequestId>,
    state: State,
}

enum State {
    Opening(BoxFuture<Exchange>),
    Sending(BoxFuture<()>),
    Running(Exchange),
}

/// What went wrong below the protocol with one message that was put into a [`Duplex`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DuplexError {
    /// The request concerned; `None` where it is a one-way message or the connection.
    pub id: Option<mcp_core::RequestId>,
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
            open: Vec::new(),
            reader: None,
            writer: None,
            closing: None,
            over: false,
        }
    }

    /// Sets the revision that the messages are written in, once it is negotiated.
    pub fn set_version(&mut self, version: impl Into<Option<mcp_core::ProtocolVersion>>) {
        self.version = version.into();
    }

    fn start(&mut self, message: Message) {
        let transport = self.transport.clone();
        let version = self.version;
        let open = match message {
            Message::Request(request) => Open {
                id: Some(request.id.clone()),
                state: State::Opening(Box::pin(async move {
                    transport.request(Envelope::new(request).with_version(version)).await
                })),
            },
            Message::Notification(notification) => {
                if let Some(id) = cancelled(&notification)
                    && let Some(at) =
                        self.open.iter().position(|open| open.id.as_ref() == Some(&id))
                {
                    self.open.swap_remove(at);
                    return;
                }
                self.sending(notification.into())
            }
            Message::Response(response) => self.sending(response.into()),
        };
        self.open.push(open);
    }

    fn remove(&mut self, at: usize) -> Open {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
        self.open.swap_remove(at)
    }

    fn sending(&self, message: OneWay) -> Open {
        let transport = self.transport.clone();
        let envelope = Envelope::new(message).with_version(self.version);
        Open {
            id: None,
            state: State::Sending(Box::pin(async move { transport.send(envelope).await })),
        }
    }
}

fn cancelled(notification: &mcp_core::Notification) -> Option<mcp_core::RequestId> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params {
        request_id: mcp_core::RequestId,
    }
    if notification.method != "notifications/cancelled" {
        return None;
    }
    notification.params.as_ref()?.decode::<Params>().ok().map(|params| params.request_id)
}

impl Open {
    /// `None` when this one is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        loop {
            match &mut self.state {
                State::Opening(opening) => match std::task::ready!(opening.as_mut().poll(cx)) {
                    Ok(exchange) => self.state = State::Running(exchange),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
                State::Sending(sending) => {
                    return sending.as_mut().poll(cx).map(|sent| sent.err().map(Err));
                }
                State::Running(exchange) => return exchange.poll_item(cx),
            }
        }
    }
}

impl Stream for Duplex {
    type Item = Result<Message, DuplexError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.reader = Some(cx.waker().clone());
        let mut at = 0;
        while at < this.open.len() {
            match this.open[at].poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(None) => {
                    this.remove(at);
                }
                Poll::Ready(Some(Ok(message))) => {
                    if matches!(message, Message::Response(_)) {
                        this.remove(at);
                    }
                    return Poll::Ready(Some(Ok(message)));
                }
                Poll::Ready(Some(Err(error))) => {
                    let open = this.remove(at);
                    return Poll::Ready(Some(Err(DuplexError { id: open.id, error })));
                }
            }
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
        match this.over && this.open.is_empty() {
            true => Poll::Ready(None),
            false => Poll::Pending,
        }
    }
}

impl Sink<Message> for Duplex {
    type Error = DuplexError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), DuplexError>> {
        if self.open.len() < OPEN {
            return Poll::Ready(Ok(()));
        }
        // Room comes as the stream is polled.
        self.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), DuplexError> {
        self.start(message);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), DuplexError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), DuplexError>> {
        self.open.clear();
        self.over = true;
        let transport = self.transport.clone();
        let closing =
            self.closing.get_or_insert_with(|| Box::pin(async move { transport.close().await }));
        closing.as_mut().poll(cx).map_err(|error| DuplexError { id: None, error })
    }
}

impl fmt::Debug for Duplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duplex").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

//! Bridges to the official Rust SDK, `rmcp`, in both directions.
//!
//! [`transport`] turns any transport of this library into a client transport of the SDK:
//!
//! ```no_run
//! # #[cfg(feature = "stdio")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use mcp_client::Stdio;
//! use rmcp::ServiceExt;
//!
//! let stdio = Stdio::new("uvx").args(["mcp-server-time"]);
//! let client = ().serve(mcp_client::rmcp::transport(stdio).await?).await?;
//! println!("{:?}", client.list_all_tools().await?);
//! # Ok(()) }
//! ```
#![cfg_attr(
    feature = "memory",
    doc = "\nIn the other direction, [`RmcpServer`] makes an SDK server a target of [`Client`](crate::Client)."
)]

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    future::{poll_fn, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use mcp_core::{
    CancelledNotificationParams, ErrorObject, InitializeResult, Message, Notification,
    ProtocolVersion, RawJson, Request, RequestId, Response, decode_params, error_code, method,
};
use mcp_transport::{
    Connect, Connection, Delivery, Envelope, Error, ErrorKind, Exchange, InboundItem, OneWay,
    SharedTransport, Transport as _,
};
use rmcp::{
    RoleClient,
    model::{GetMeta, JsonRpcMessage},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "memory")]
pub use mcp_transport_memory::RmcpServer;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Limit on open exchanges and pending error responses. Above it, requests of the server that cannot be decoded get no
/// error response.
const MAX_ARRIVING: usize = 1024;

/// Capacity of the queue of new exchanges that the SDK has not read yet.
const QUEUE: usize = 64;

/// Connects to a server, for a client of the official Rust SDK: `().serve(transport(stdio).await?)`.
///
/// # Errors
/// The same as [`Connect::connect`].
pub async fn transport(server: impl Connect) -> Result<RmcpTransport, Error> {
    Ok(RmcpTransport::new(server.connect().await?))
}

/// An open connection as a client transport of the official Rust SDK, in both eras.
///
/// Transports need the revision of each message. It is read from the `_meta` of the request, or else from the response
/// to `initialize`. A request that the SDK cancels is cancelled the way its transport does it.
///
/// # Errors
/// A request that is not accepted fails with a `ServiceError::TransportSend` that contains the [`Error`]
/// (`downcast_ref`), for example when nothing listens, for an HTTP error status, or when the process has ended. The SDK
/// has no error for a request that fails later: such a request receives an internal error (-32603) whose `data` has
/// `transport.kind` and `transport.delivery`. When the connection closes, the client service ends. A `server/discover`
/// that HTTP [rejects](ErrorKind::Rejected) also receives an error (-32600), which tells the SDK that the server is of
/// the legacy era.
pub struct RmcpTransport {
    transport: SharedTransport,
    /// Incoming items, within exchanges and outside of them.
    arriving: SelectAll<Arriving>,
    begun: mpsc::Receiver<Arriving>,
    begin: mpsc::Sender<Arriving>,
    in_flight: Arc<Mutex<InFlight>>,
    /// The pending `initialize` request.
    initialize: Option<RequestId>,
    /// The revision for messages that name none.
    version: Option<ProtocolVersion>,
}

/// Items with the request that they belong to.
type Arriving = BoxStream<'static, (Option<RequestId>, Result<Message, Error>)>;

/// Cancellation tokens of the requests in flight.
type InFlight = HashMap<RequestId, CancellationToken>;

impl RmcpTransport {
    /// Wraps an open connection.
    pub fn new<T: mcp_transport::Transport>(connection: Connection<T>) -> Self {
        let (begin, begun) = mpsc::channel(QUEUE);
        let mut arriving = SelectAll::new();
        if !connection.inbound.is_none() {
            // The SDK has no notion of gaps.
            let messages = connection.inbound.filter_map(async |item| match item {
                Ok(InboundItem::Message(message)) => Some(Ok(message)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            });
            let over = Error::new(ErrorKind::Closed, "the connection is closed");
            let messages = messages.chain(stream::once(ready(Err(over))));
            arriving.push(messages.map(|item| (None, item)).boxed());
        }
        Self {
            transport: SharedTransport::new(connection.transport),
            arriving,
            begun,
            begin,
            in_flight: Arc::default(),
            initialize: None,
            version: None,
        }
    }

    /// How to handle an outgoing message of the client.
    fn outgoing(&mut self, message: &TxJsonRpcMessage<RoleClient>) -> Result<Step, Error> {
        let named = match message {
            JsonRpcMessage::Request(request) => request.request.get_meta().protocol_version(),
            _ => None,
        };
        let one_way: OneWay = match encode(message)? {
            Message::Request(request) => {
                if request.method == method::INITIALIZE {
                    self.initialize = Some(request.id.clone());
                    self.version = None;
                } else if let Some(named) = named {
                    self.version = named.as_str().parse().ok();
                }
                let place = Place::take(&self.in_flight, request.id.clone());
                return Ok(Step::Ask(Envelope::new(request).with_version(self.version), place));
            }
            Message::Notification(notification) => {
                if let Some(id) = cancelled(&notification) {
                    // An unknown id belongs to a request that already has its response.
                    lock(&self.in_flight).get(&id).inspect(|cancel| cancel.cancel());
                    return Ok(Step::Nothing);
                }
                notification.into()
            }
            Message::Response(response) => response.into(),
        };
        Ok(Step::Tell(Envelope::new(one_way).with_version(self.version)))
    }

    fn poll_arriving(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(Option<RequestId>, Result<Message, Error>)> {
        while let Poll::Ready(Some(begun)) = self.begun.poll_recv(cx) {
            self.arriving.push(begun);
        }
        match self.arriving.poll_next_unpin(cx) {
            Poll::Ready(Some(item)) => Poll::Ready(item),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Remembers the negotiated revision, which later messages do not repeat.
    fn learn(&mut self, request: Option<RequestId>, response: &mut Response) {
        // A response without an id answers the request of its exchange.
        response.id = response.id.take().or(request);
        if response.id.is_some() && response.id == self.initialize {
            self.initialize = None;
            let result = response.outcome.as_ref().ok();
            let result = result.and_then(|result| result.decode::<InitializeResult>().ok());
            self.version = result.and_then(|result| result.protocol_version.parse().ok());
        }
    }

    /// Handles a message that the SDK's types cannot represent: its sender always gets a response.
    fn unreadable(&mut self, message: Message, error: serde_json::Error) -> Option<Response> {
        match message {
            Message::Response(response) => {
                let cause = Error::new(ErrorKind::Protocol, "the response cannot be decoded")
                    .with_delivery(Delivery::Answered)
                    .with_source(error);
                Some(answer(response.id?, error_code::INTERNAL_ERROR, &cause))
            }
            Message::Request(request) if self.arriving.len() >= MAX_ARRIVING => {
                tracing::debug!(method = %request.method, "dropped a request that cannot be decoded");
                None
            }
            Message::Request(request) => {
                let text = format!("the client cannot decode the request: {error}");
                let error = ErrorObject::new(error_code::INVALID_REQUEST, text);
                let refusal = OneWay::from(Response::error(request.id, error));
                let refusal = Envelope::new(refusal).with_version(self.version);
                let transport = self.transport.clone();
                let refusing = stream::once(async move { transport.send(refusal).await });
                self.arriving.push(refusing.filter_map(|_| ready(None)).boxed());
                None
            }
            Message::Notification(_) => None,
        }
    }
}

/// How to handle a message of the client.
enum Step {
    Ask(Envelope<Request>, Place),
    Tell(Envelope<OneWay>),
    Nothing,
}

impl Transport<RoleClient> for RmcpTransport {
    type Error = Error;

    fn name() -> Cow<'static, str> {
        "mcp-client".into()
    }

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        let step = self.outgoing(&message);
        let transport = self.transport.clone();
        let begin = self.begin.clone();
        async move {
            let (request, place) = match step? {
                Step::Ask(request, place) => (request, place),
                Step::Tell(message) => return transport.send(message).await,
                Step::Nothing => return Ok(()),
            };
            let is_probe = request.message.method == method::SERVER_DISCOVER;
            let cancel = place.cancel.clone();
            let Some(opened) = cancel.run_until_cancelled(transport.request(request)).await else {
                return Ok(());
            };
            let (item, sent) = match opened {
                Ok(exchange) => {
                    // Fails only if the client has ended.
                    let _ = begin.send(place.arriving(exchange)).await;
                    return Ok(());
                }
                Err(error) if is_probe && error.kind() == ErrorKind::Rejected => {
                    let answer = answer(place.id.clone(), error_code::INVALID_REQUEST, &error);
                    ((None, Ok(answer.into())), Ok(()))
                }
                // The client also learns that the connection is closed.
                Err(error) if error.is_closed() => ((None, Err(error.clone())), Err(error)),
                Err(error) => return Err(error),
            };
            let _ = begin.send(stream::once(ready(item)).boxed()).await;
            sent
        }
    }

    /// Cancel safe, which the SDK's client requires.
    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let (request, item) = poll_fn(|cx| self.poll_arriving(cx)).await;
            let message = match (item, request) {
                (Ok(Message::Response(mut response)), request) => {
                    self.learn(request, &mut response);
                    response.into()
                }
                (Ok(message), _) => message,
                (Err(error), Some(request)) if !error.is_closed() => {
                    answer(request, error_code::INTERNAL_ERROR, &error).into()
                }
                (Err(_), _) => return None,
            };
            match decode(&message) {
                Ok(message) => return Some(message),
                Err(error) => {
                    if let Some(answer) = self.unreadable(message, error) {
                        return decode(&answer.into()).ok();
                    }
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Error> {
        self.arriving.clear();
        self.transport.close().await
    }
}

impl fmt::Debug for RmcpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RmcpTransport")
            .field("in_flight", &lock(&self.in_flight).len())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A request in flight. Dropping it removes the request.
struct Place {
    id: RequestId,
    cancel: CancellationToken,
    in_flight: Arc<Mutex<InFlight>>,
}

impl Place {
    fn take(in_flight: &Arc<Mutex<InFlight>>, id: RequestId) -> Self {
        let cancel = CancellationToken::new();
        lock(in_flight).insert(id.clone(), cancel.clone());
        Self { id, cancel, in_flight: Arc::clone(in_flight) }
    }

    /// The items of the exchange, until it is cancelled.
    fn arriving(self, exchange: Exchange) -> Arriving {
        let cancelled = self.cancel.clone().cancelled_owned();
        let items = exchange.take_until(cancelled);
        items.map(move |item| (Some(self.id.clone()), item)).boxed()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.in_flight).remove(&self.id);
    }
}

fn lock(in_flight: &Mutex<InFlight>) -> MutexGuard<'_, InFlight> {
    in_flight.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The request id of a `notifications/cancelled`.
fn cancelled(notification: &Notification) -> Option<RequestId> {
    if notification.method != method::NOTIFICATIONS_CANCELLED {
        return None;
    }
    let params = decode_params::<CancelledNotificationParams>(notification.params.as_ref());
    params.ok()?.request_id
}

/// An error response for a transport error, since the SDK has no other way to report one.
fn answer(request: RequestId, code: i64, error: &Error) -> Response {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    let (kind, delivery) = (format!("{:?}", error.kind()), format!("{:?}", error.delivery()));
    let details = json!({ "transport": { "kind": kind, "delivery": delivery } });
    let error = ErrorObject::new(code, text);
    Response::error(request, error.with_data(RawJson::trusted(details.to_string())))
}

fn encode(message: &TxJsonRpcMessage<RoleClient>) -> Result<Message, Error> {
    let unsent = |error: BoxError| {
        Error::new(ErrorKind::InvalidRequest, "the message cannot be encoded as JSON-RPC")
            .with_delivery(Delivery::NotSent)
            .with_source(error)
    };
    let json = serde_json::to_vec(message).map_err(|error| unsent(error.into()))?;
    Message::parse(json).map_err(|error| unsent(error.into()))
}

fn decode(message: &Message) -> serde_json::Result<RxJsonRpcMessage<RoleClient>> {
    let mut json = Vec::new();
    message.encode(&mut json);
    serde_json::from_slice(&json)
}

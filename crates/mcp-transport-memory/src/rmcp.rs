//! Servers written with the official Rust SDK.
//!
//! The SDK spawns tasks for the server and exchanges typed messages with its transport. Each message is
//! converted once, through JSON without framing.

use std::{borrow::Cow, fmt, io, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt, future, stream};
use mcp_core::{ErrorObject, Message, RequestId, Response, error_code};
use mcp_transport::{
    Binding, Connect, Connection, ConnectionInfo, Error, Limits, multiplex::Multiplex,
};
use rmcp::{
    ErrorData, RoleServer, Service,
    model::{
        ClientNotification, ClientRequest, NumberOrString, ProtocolVersion, ServerConfig,
        ServerResult,
    },
    service::{
        NotificationContext, RequestContext, RxJsonRpcMessage, TxJsonRpcMessage,
        serve_server_with_ct,
    },
    transport::Transport,
};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, PollSender};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The number of messages queued in each direction. The sender waits if the queue is full.
const QUEUE_CAPACITY: usize = 64;

/// A [connector](Connect) to a server in the same process that is written with the official Rust SDK: any
/// `rmcp::ServerHandler`, or a router of them. Supports both eras, as far as the server does.
///
/// Each connection has its own server and tasks. They end when the connection is closed or its last handle
/// is dropped. The `ct` of a handler's `RequestContext` is cancelled then, and when the exchange of its
/// request is dropped; a handler that does not check it runs to completion. If a handler panics, only its
/// request fails, with an internal error.
///
/// Connecting never fails. It must be called in a tokio runtime.
///
/// Incompatible with the feature `local` of `rmcp`, whose futures are not `Send`.
#[derive(Clone)]
pub struct RmcpServer<S> {
    name: String,
    service: Arc<dyn Fn() -> S + Send + Sync>,
}

impl<S: Service<RoleServer>> RmcpServer<S> {
    /// Connects to clones of `service`, one for each connection.
    pub fn new(service: S) -> Self
    where
        S: Clone,
    {
        Self::each(move || service.clone())
    }

    /// Calls `service` for each connection, and once now to get the name.
    pub fn each(service: impl Fn() -> S + Send + Sync + 'static) -> Self {
        let name = service().get_info().server_info.name;
        Self { name, service: Arc::new(service) }
    }
}

impl<S: Service<RoleServer>> Connect for RmcpServer<S> {
    type Transport = Multiplex;

    async fn connect(&self) -> Result<Connection<Multiplex>, Error> {
        let (to_server, from_client) = mpsc::channel(QUEUE_CAPACITY);
        let (to_client, mut from_server) = mpsc::channel(QUEUE_CAPACITY);
        let ending = CancellationToken::new();
        let pipe = Pipe {
            from_client,
            to_client: to_client.clone(),
            error_response: None,
            ending: ending.clone(),
        };
        let service = CatchPanic((self.service)());
        let serving = async move {
            match serve_server_with_ct(service, pipe, ending).await {
                // Ends when the pipe ends.
                Ok(running) => drop(running.waiting().await),
                Err(error) => drop(to_client.send(Err(error.into())).await),
            }
        };
        let (transport, inbound, driver) = Multiplex::messages(
            PollSender::new(to_server),
            stream::poll_fn(move |cx| from_server.poll_recv(cx)),
            Limits::default(),
        );
        // The driver ends with the last handle of the transport, and the server with the driver.
        tokio::spawn(future::join(driver, serving));
        let info = ConnectionInfo::new(Binding::InProcess, self.describe());
        Ok(Connection::new(transport, inbound, info))
    }

    fn describe(&self) -> String {
        format!("{} in this process", self.name)
    }
}

impl<S> fmt::Debug for RmcpServer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RmcpServer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The transport of the server.
struct Pipe {
    from_client: mpsc::Receiver<Message>,
    to_client: mpsc::Sender<Result<Message, BoxError>>,
    /// The response to a request that could not be decoded, until there is room for it.
    error_response: Option<Response>,
    /// Cancels the server.
    ending: CancellationToken,
}

impl Transport<RoleServer> for Pipe {
    type Error = io::Error;

    fn name() -> Cow<'static, str> {
        "memory".into()
    }

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let to_client = self.to_client.clone();
        // Responses of cancelled handlers are dropped after the client has closed the connection.
        let is_closed = self.ending.is_cancelled();
        async move {
            if is_closed {
                return Ok(());
            }
            let json = serde_json::to_vec(&message)?;
            let message = Message::parse(json).map_err(io::Error::other)?;
            let sent = to_client.send(Ok(message)).await;
            sent.map_err(|_| {
                io::Error::new(io::ErrorKind::BrokenPipe, "the client has disconnected")
            })
        }
    }

    /// Cancel safe, as the SDK requires.
    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if self.error_response.is_some()
                && let Ok(permit) = self.to_client.reserve().await
                && let Some(response) = self.error_response.take()
            {
                permit.send(Ok(response.into()));
            }
            let Some(message) = self.from_client.recv().await else {
                // The client has disconnected: cancels the handlers that are still running.
                self.ending.cancel();
                return None;
            };
            match (decode(&message), message) {
                (Ok(message), _) => return Some(message),
                (Err(error), Message::Request(request)) => {
                    let text = format!("the server cannot decode the request: {error}");
                    let error = ErrorObject::new(error_code::INVALID_REQUEST, text);
                    self.error_response = Some(Response::error(request.id, error));
                }
                (Err(error), Message::Response(Response { id: Some(id), .. })) => {
                    let text = format!("the server cannot decode the client's response: {error}");
                    let error = ErrorData::internal_error(text, None);
                    return Some(RxJsonRpcMessage::<RoleServer>::error(error, Some(sdk_id(id))));
                }
                // Notifications, and responses without an id, are dropped.
                (Err(_), _) => {}
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn decode(message: &Message) -> serde_json::Result<RxJsonRpcMessage<RoleServer>> {
    let mut json = Vec::new();
    message.encode(&mut json);
    serde_json::from_slice(&json)
}

fn sdk_id(id: RequestId) -> NumberOrString {
    match id {
        RequestId::Number(number) => NumberOrString::Number(number),
        RequestId::String(text) => NumberOrString::String(text.into()),
    }
}

/// Catches panics of handlers: the SDK would not respond to the request.
struct CatchPanic<S>(S);

impl<S: Service<RoleServer>> Service<RoleServer> for CatchPanic<S> {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let handled = AssertUnwindSafe(self.0.handle_request(request, context)).catch_unwind();
        handled
            .await
            .unwrap_or_else(|_| Err(ErrorData::internal_error("the handler panicked", None)))
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.0.handle_notification(notification, context).await
    }

    fn get_info(&self) -> ServerConfig {
        self.0.get_info()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.0.supported_protocol_versions()
    }
}

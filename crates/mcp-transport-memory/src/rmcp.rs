//! Servers made with the official Rust SDK.
//!
//! Such a server runs in tasks of its own and sees a transport of typed messages. They are turned into
//! ours and back once, without bytes being framed in between.

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

/// Messages that wait in each direction before the sender waits.
const QUEUE: usize = 64;

/// Connects to a server made with the official Rust SDK, in the same process: any `rmcp::ServerHandler`,
/// or a router of them. Both eras, as far as the server speaks them.
///
/// Each connection has a server and tasks of its own, which end when the connection is closed or its last
/// handle is dropped. A handler learns of that, and of an exchange that was dropped, by the `ct` of its
/// `RequestContext`; the SDK lets one that does not look there run to its end. A handler that panics fails
/// its own request, with an internal error.
///
/// Connecting cannot fail, and has to be done in a tokio runtime.
///
/// Does not build together with the feature `local` of `rmcp`, which takes `Send` from its futures.
#[derive(Clone)]
pub struct RmcpServer<S> {
    name: String,
    service: Arc<dyn Fn() -> S + Send + Sync>,
}

impl<S: Service<RoleServer>> RmcpServer<S> {
    /// Connects to `service`, a clone of it for each connection.
    pub fn new(service: S) -> Self
    where
        S: Clone,
    {
        Self::each(move || service.clone())
    }

    /// Calls `service` for each connection; and once now, for the name.
    pub fn each(service: impl Fn() -> S + Send + Sync + 'static) -> Self {
        let name = service().get_info().server_info.name;
        Self { name, service: Arc::new(service) }
    }
}

impl<S: Service<RoleServer>> Connect for RmcpServer<S> {
    type Transport = Multiplex;

    async fn connect(&self) -> Result<Connection<Multiplex>, Error> {
        let (to_server, from_client) = mpsc::channel(QUEUE);
        let (to_client, mut from_server) = mpsc::channel(QUEUE);
        let ending = CancellationToken::new();
        let pipe = Pipe {
            from_client,
            to_client: to_client.clone(),
            refusal: None,
            ending: ending.clone(),
        };
        let service = Guarded((self.service)());
        let serving = async move {
            match serve_server_with_ct(service, pipe, ending).await {
                // Ends when the pipe does.
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

/// What the server sees of the connection.
struct Pipe {
    from_client: mpsc::Receiver<Message>,
    to_client: mpsc::Sender<Result<Message, BoxError>>,
    /// The answer to a request that the server cannot read, until there is room for it.
    refusal: Option<Response>,
    /// Ends the server.
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
        // After the client has closed the connection, what a handler makes of that answers nobody.
        let is_over = self.ending.is_cancelled();
        async move {
            if is_over {
                return Ok(());
            }
            let json = serde_json::to_vec(&message)?;
            let message = Message::parse(json).map_err(io::Error::other)?;
            let sent = to_client.send(Ok(message)).await;
            sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone"))
        }
    }

    /// Cancel safe, as the server needs it to be.
    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if self.refusal.is_some()
                && let Ok(room) = self.to_client.reserve().await
                && let Some(refusal) = self.refusal.take()
            {
                room.send(Ok(refusal.into()));
            }
            let Some(message) = self.from_client.recv().await else {
                // Nobody is left to take an answer: handlers learn it now, and not once they are done.
                self.ending.cancel();
                return None;
            };
            match (decode(&message), message) {
                (Ok(message), _) => return Some(message),
                (Err(error), Message::Request(request)) => {
                    let text = format!("the server cannot read the request: {error}");
                    let error = ErrorObject::new(error_code::INVALID_REQUEST, text);
                    self.refusal = Some(Response::error(request.id, error));
                }
                (Err(error), Message::Response(Response { id: Some(id), .. })) => {
                    let text = format!("the answer of the client cannot be read: {error}");
                    let error = ErrorData::internal_error(text, None);
                    return Some(RxJsonRpcMessage::<RoleServer>::error(error, Some(foreign(id))));
                }
                // Nobody waits for it.
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

fn foreign(id: RequestId) -> NumberOrString {
    match id {
        RequestId::Number(number) => NumberOrString::Number(number),
        RequestId::String(text) => NumberOrString::String(text.into()),
    }
}

/// Answers for a handler that panics: the SDK would leave its request without an answer.
struct Guarded<S>(S);

impl<S: Service<RoleServer>> Service<RoleServer> for Guarded<S> {
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

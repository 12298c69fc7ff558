//! A scripted server over an in-memory pipe, for tests of layers above a transport.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_core::{ProtocolVersion, Request};
use mcp_transport::{
    Address, Binding, Connect, Connection, ConnectionInfo, Diagnostics, Envelope, Error, ErrorKind,
    Exchange, IdleLimit, Limits, OneWay, Routing, Transport, multiplex::Multiplex,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream},
    sync::mpsc,
    task::JoinHandle,
};

/// The reaction of a script to one message of the client.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Reply {
    /// Does nothing.
    Nothing,
    /// Sends these messages in order.
    Lines(Vec<Value>),
    /// Sends this text unchanged. It need not be a message.
    Raw(String),
    /// Waits first. Nothing is read during the wait.
    Later(Duration, Box<Reply>),
    /// Ends the connection.
    Close,
}

impl Reply {
    /// A response with a result.
    pub fn result(request: &Value, result: Value) -> Self {
        Self::Lines(vec![json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })])
    }

    /// A response with an error of this code and message.
    pub fn error(request: &Value, code: i64, message: &str) -> Self {
        Self::error_object(request, json!({ "code": code, "message": message }))
    }

    /// A response with this error object.
    pub fn error_object(request: &Value, error: Value) -> Self {
        Self::Lines(vec![json!({ "jsonrpc": "2.0", "id": request["id"], "error": error })])
    }

    /// A response with a `DiscoverResult` of these versions and capabilities.
    pub fn discover(request: &Value, versions: &[&str], capabilities: Value) -> Self {
        let info = json!({ "name": "new", "version": "2" });
        let result = json!({
            "resultType": "complete",
            "supportedVersions": versions,
            "capabilities": capabilities,
            "instructions": "Be kind.",
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": { "io.modelcontextprotocol/serverInfo": info },
        });
        Self::result(request, result)
    }

    /// A response with an `InitializeResult` of this version and these capabilities.
    pub fn initialize(request: &Value, version: &str, capabilities: Value) -> Self {
        let result = json!({
            "protocolVersion": version,
            "capabilities": capabilities,
            "serverInfo": { "name": "old", "version": "1" },
        });
        Self::result(request, result)
    }

    /// A response with a page of tools of these names.
    pub fn tools(request: &Value, names: &[&str]) -> Self {
        let tool = |name: &&str| json!({ "name": name, "inputSchema": { "type": "object" } });
        let tools: Vec<Value> = names.iter().map(tool).collect();
        Self::result(request, json!({ "resultType": "complete", "tools": tools }))
    }

    /// The acknowledgement of all notifications that a `subscriptions/listen` requests.
    pub fn acknowledge(request: &Value) -> Self {
        let meta = json!({ "io.modelcontextprotocol/subscriptionId": request["id"] });
        let params = json!({ "notifications": request["params"]["notifications"], "_meta": meta });
        Self::Lines(vec![notification("notifications/subscriptions/acknowledged", params)])
    }
}

/// A notification as a message.
pub fn notification(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

/// The envelope of a message of the client.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sent {
    /// The method, or `response`.
    pub method: String,
    /// The protocol version.
    pub version: Option<ProtocolVersion>,
    /// The layer that enforces the idle time-out.
    pub idle_limit: IdleLimit,
    /// Whether the exchange is expected to stay open.
    pub is_long_lived: bool,
    /// The values repeated in headers.
    pub routing: Option<Box<Routing>>,
}

type Script = dyn Fn(u32, &Value) -> Reply + Send + Sync;

/// A scripted server, as a [connector](Connect). Each connection runs the script from the start. Clones share
/// the server.
///
/// ```
/// use mcp_testkit::scripted::{Peer, Reply};
/// use serde_json::json;
///
/// let peer = Peer::modern(json!({ "tools": {} }), |_, request| match request["method"].as_str() {
///     Some("tools/list") => Reply::tools(request, &["search"]),
///     _ => Reply::error(request, -32601, "what?"),
/// });
/// # let _ = peer;
/// ```
#[derive(Clone)]
pub struct Peer {
    script: Arc<Script>,
    state: Arc<State>,
    binding: Binding,
    address: Option<Address>,
}

#[derive(Default)]
struct State {
    received: Mutex<Vec<Value>>,
    sent: Mutex<Vec<Sent>>,
    connections: AtomicU32,
    open: AtomicU32,
    /// The number of further attempts to connect that fail.
    refusals: AtomicU32,
    /// Sends commands to the latest connection.
    commands: Mutex<Option<mpsc::UnboundedSender<Command>>>,
}

enum Command {
    Send(Value),
    Raw(String),
    Exit,
}

impl Peer {
    /// Creates a server that calls `script` for each message, with the number of earlier connections and the
    /// message.
    pub fn new(script: impl Fn(u32, &Value) -> Reply + Send + Sync + 'static) -> Self {
        Self {
            script: Arc::new(script),
            state: Arc::default(),
            binding: Binding::Pipe,
            address: None,
        }
    }

    /// Creates a server of revision 2026-07-28 with these capabilities. It calls `script` for each message
    /// except `server/discover`.
    pub fn modern(
        capabilities: Value,
        script: impl Fn(u32, &Value) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::new(move |number, message| match message["method"].as_str() {
            Some("server/discover") => {
                Reply::discover(message, &["2026-07-28"], capabilities.clone())
            }
            _ => script(number, message),
        })
    }

    /// Creates a server of revision 2025-11-25 with these capabilities. It calls `script` for each message
    /// except those of the handshake.
    pub fn legacy(
        capabilities: Value,
        script: impl Fn(u32, &Value) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::new(move |number, message| match message["method"].as_str() {
            Some("server/discover") => Reply::error(message, -32601, "what?"),
            Some("initialize") => Reply::initialize(message, "2025-11-25", capabilities.clone()),
            Some("notifications/initialized") => Reply::Nothing,
            _ => script(number, message),
        })
    }

    /// Sets the binding of its connections. Default: [`Binding::Pipe`].
    #[must_use]
    pub fn bound(mut self, binding: Binding) -> Self {
        self.binding = binding;
        self
    }

    /// Sets the network address of its connections. Default: none.
    #[must_use]
    pub fn at(mut self, address: Address) -> Self {
        self.address = Some(address);
        self
    }

    /// All messages of the client, on all connections.
    pub fn received(&self) -> Vec<Value> {
        lock(&self.state.received).clone()
    }

    /// The messages with this method.
    pub fn asked(&self, method: &str) -> Vec<Value> {
        self.received().into_iter().filter(|message| message["method"] == method).collect()
    }

    /// The methods of all messages, or `response` for those without a method.
    pub fn methods(&self) -> Vec<String> {
        let method = |message: &Value| message["method"].as_str().unwrap_or("response").to_owned();
        self.received().iter().map(method).collect()
    }

    /// The envelopes of all messages, on all connections.
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.state.sent).clone()
    }

    /// The number of attempts to connect.
    pub fn connections(&self) -> u32 {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// The number of open connections.
    pub fn open_connections(&self) -> u32 {
        self.state.open.load(Ordering::SeqCst)
    }

    /// Makes the next attempts to connect fail.
    pub fn refuse(&self, attempts: u32) {
        self.state.refusals.store(attempts, Ordering::SeqCst);
    }

    /// Sends a message on the latest connection.
    pub fn say(&self, message: Value) {
        self.command(Command::Send(message));
    }

    /// Sends text unchanged on the latest connection.
    pub fn say_raw(&self, text: impl Into<String>) {
        self.command(Command::Raw(text.into()));
    }

    /// Ends the latest connection like the exit of a process.
    pub fn exit(&self) {
        self.command(Command::Exit);
    }

    fn command(&self, command: Command) {
        if let Some(commands) = &*lock(&self.state.commands) {
            // Fails if the connection has ended.
            let _ = commands.send(command);
        }
    }

    /// Runs the server side of one connection.
    async fn run(
        self,
        number: u32,
        pipe: DuplexStream,
        mut commands: mpsc::UnboundedReceiver<Command>,
        client: Multiplex,
    ) {
        let _open = OpenGuard::new(&self.state.open);
        let (reader, mut writer) = tokio::io::split(pipe);
        let mut lines = BufReader::new(reader).lines();
        loop {
            let text = tokio::select! {
                line = lines.next_line() => {
                    let Ok(Some(line)) = line else { return };
                    let message: Value = serde_json::from_str(&line).expect("the client sends JSON");
                    lock(&self.state.received).push(message.clone());
                    let mut reply = (self.script)(number, &message);
                    while let Reply::Later(wait, then) = reply {
                        tokio::time::sleep(wait).await;
                        reply = *then;
                    }
                    match reply {
                        Reply::Nothing | Reply::Later(..) => continue,
                        Reply::Lines(lines) => lines.iter().map(|line| format!("{line}\n")).collect(),
                        Reply::Raw(text) => text,
                        Reply::Close => return,
                    }
                }
                Some(command) = commands.recv() => match command {
                    Command::Send(message) => format!("{message}\n"),
                    Command::Raw(text) => text,
                    Command::Exit => {
                        let error = Error::new(ErrorKind::Closed, "the process has ended");
                        let status = std::io::Error::other("exit status 3");
                        return client.fail(&error.with_source(status));
                    }
                },
            };
            if writer.write_all(text.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

impl Connect for Peer {
    type Transport = PeerTransport;

    async fn connect(&self) -> Result<Connection<PeerTransport>, Error> {
        let number = self.state.connections.fetch_add(1, Ordering::SeqCst);
        let decremented = |left: u32| left.checked_sub(1);
        let refusals = &self.state.refusals;
        if refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, decremented).is_ok() {
            return Err(Error::new(ErrorKind::Connect, "connection refused"));
        }
        let (client, server) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(client);
        let (multiplex, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
        let (commands, receiver) = mpsc::unbounded_channel();
        *lock(&self.state.commands) = Some(commands);
        let run = self.clone().run(number, server, receiver, multiplex.clone());
        let tasks = [tokio::spawn(run), tokio::spawn(async move { drop(driver.await) })];
        let info = ConnectionInfo::new(self.binding, self.describe())
            .with_peer(self.address.clone())
            .with_pid(number + 100);
        let transport = PeerTransport { inner: multiplex, tasks, state: Arc::clone(&self.state) };
        Ok(Connection::new(transport, inbound, info))
    }

    fn describe(&self) -> String {
        "scripted".to_owned()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("received", &self.methods()).finish_non_exhaustive()
    }
}

/// The transport of a [`Peer`]. Dropping it stops the server side of the connection.
pub struct PeerTransport {
    inner: Multiplex,
    tasks: [JoinHandle<()>; 2],
    state: Arc<State>,
}

impl PeerTransport {
    fn record<M>(&self, method: &str, envelope: &Envelope<M>) {
        lock(&self.state.sent).push(Sent {
            method: method.to_owned(),
            version: envelope.version,
            idle_limit: envelope.idle_limit,
            is_long_lived: envelope.is_long_lived,
            routing: envelope.routing.clone(),
        });
    }
}

impl Transport for PeerTransport {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        self.record(&request.message.method, &request);
        self.inner.request(request).await
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        self.record(message.message.label(), &message);
        self.inner.send(message).await
    }

    fn closed(&self) -> impl Future<Output = Error> + Send {
        self.inner.closed()
    }

    fn diagnostics(&self) -> Diagnostics {
        self.inner.diagnostics()
    }

    async fn close(&self) -> Result<(), Error> {
        self.inner.close().await
    }
}

impl fmt::Debug for PeerTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PeerTransport").field(&self.inner).finish()
    }
}

impl Drop for PeerTransport {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Counts an open connection until it is dropped.
struct OpenGuard<'a>(&'a AtomicU32);

impl<'a> OpenGuard<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for OpenGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::{until, within};

    #[tokio::test(start_paused = true)]
    async fn the_server_replies_sends_and_exits_by_script() {
        let peer = Peer::legacy(json!({}), |number, request| {
            let answer = Reply::result(request, json!({ "number": number }));
            Reply::Later(Duration::from_secs(5), Box::new(answer))
        });
        peer.refuse(1);
        peer.connect().await.unwrap_err();
        let Connection { transport, mut inbound, info, .. } = peer.connect().await.unwrap();
        assert_eq!(info.pid, Some(101));
        let exchange = transport.request(Request::new(1, "tools/list").into()).await.unwrap();
        let response = within(exchange.response()).await.unwrap();
        assert_eq!(response.outcome.unwrap().as_bytes(), br#"{"number":1}"#);
        peer.say(notification("n", json!({})));
        assert!(within(inbound.next()).await.unwrap().is_ok());
        peer.exit();
        assert_eq!(within(transport.closed()).await.to_string(), "the process has ended");
        until("the end of the connection", || peer.open_connections() == 0).await;
        assert_eq!((peer.connections(), peer.methods()), (2, vec!["tools/list".to_owned()]));
        assert_eq!(peer.sent()[0].method, "tools/list");
    }
}

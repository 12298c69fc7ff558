//! A server that answers by a script, says things by itself, and ends when it is told to.

use std::{
    sync::{Arc, Mutex, atomic::AtomicU32, atomic::Ordering},
    time::Duration,
};

use mcp_core::Request;
use mcp_transport::{
    Binding, Connect, Connection, Envelope, Error, ErrorKind, Exchange, Limits, Multiplex, OneWay,
    ParamHeaders, Transport,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    sync::mpsc,
    task::JoinHandle,
};

/// What a script does about one message of the client.
pub(crate) enum Reply {
    Nothing,
    Lines(Vec<Value>),
    /// The server takes its time, and reads nothing meanwhile.
    Later(Duration, Box<Reply>),
}

type Script = dyn Fn(u32, &Value) -> Reply + Send + Sync;

/// Connects to a fresh run of the script each time.
#[derive(Clone)]
pub(crate) struct Peer {
    script: Arc<Script>,
    received: Arc<Mutex<Vec<Value>>>,
    connections: Arc<AtomicU32>,
    /// So many attempts to connect fail from now on.
    refusals: Arc<AtomicU32>,
    /// Of the latest connection.
    say: Arc<Mutex<Option<mpsc::UnboundedSender<Option<Value>>>>>,
    headers: Arc<Mutex<Vec<ParamHeaders>>>,
    binding: Binding,
}

/// `script` is told how many connections there were before, and what the client has sent.
pub(crate) fn peer(script: impl Fn(u32, &Value) -> Reply + Send + Sync + 'static) -> Peer {
    Peer {
        script: Arc::new(script),
        received: Arc::default(),
        connections: Arc::default(),
        refusals: Arc::default(),
        say: Arc::default(),
        headers: Arc::default(),
        binding: Binding::Stream,
    }
}

impl Peer {
    pub(crate) fn bound(mut self, binding: Binding) -> Self {
        self.binding = binding;
        self
    }

    /// The arguments that were to be repeated in headers, over all connections.
    pub(crate) fn headers(&self) -> Vec<ParamHeaders> {
        self.headers.lock().unwrap().clone()
    }

    /// All that the client has sent, over all connections.
    pub(crate) fn received(&self) -> Vec<Value> {
        self.received.lock().unwrap().clone()
    }

    /// What the client has sent with this method.
    pub(crate) fn asked(&self, method: &str) -> Vec<Value> {
        self.received().into_iter().filter(|message| message["method"] == method).collect()
    }

    pub(crate) fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn refuse(&self, times: u32) {
        self.refusals.store(times, Ordering::SeqCst);
    }

    pub(crate) fn say(&self, message: Value) {
        self.say.lock().unwrap().as_ref().unwrap().send(Some(message)).unwrap();
    }

    /// Ends the connection as a process that exits does.
    pub(crate) fn kill(&self) {
        self.say.lock().unwrap().as_ref().unwrap().send(None).unwrap();
    }
}

pub(crate) fn result(request: &Value, result: Value) -> Reply {
    Reply::Lines(vec![json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })])
}

pub(crate) fn error(request: &Value, code: i64, message: &str) -> Reply {
    let error = json!({ "code": code, "message": message });
    Reply::Lines(vec![json!({ "jsonrpc": "2.0", "id": request["id"], "error": error })])
}

pub(crate) fn notification(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

/// A page of a list whose elements have no more than a name.
pub(crate) fn tools(request: &Value, names: &[&str]) -> Reply {
    let tool = |name: &&str| json!({ "name": name, "inputSchema": { "type": "object" } });
    let tools: Vec<Value> = names.iter().map(tool).collect();
    result(request, json!({ "resultType": "complete", "tools": tools }))
}

/// The acknowledgement of all that a `subscriptions/listen` asks for.
pub(crate) fn acknowledge(request: &Value) -> Reply {
    let meta = json!({ "io.modelcontextprotocol/subscriptionId": request["id"] });
    let params = json!({ "notifications": request["params"]["notifications"], "_meta": meta });
    Reply::Lines(vec![notification("notifications/subscriptions/acknowledged", params)])
}

/// A modern server with these capabilities that answers everything else by `script`.
pub(crate) fn modern(
    capabilities: Value,
    script: impl Fn(u32, &Value) -> Reply + Send + Sync + 'static,
) -> Peer {
    peer(move |number, message| match message["method"].as_str() {
        Some("server/discover") => result(
            message,
            json!({
                "resultType": "complete",
                "supportedVersions": ["2026-07-28"],
                "capabilities": capabilities,
                "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "new", "version": "2" } },
            }),
        ),
        _ => script(number, message),
    })
}

/// A legacy server with these capabilities that answers everything else by `script`.
pub(crate) fn legacy(
    capabilities: Value,
    script: impl Fn(u32, &Value) -> Reply + Send + Sync + 'static,
) -> Peer {
    peer(move |number, message| match message["method"].as_str() {
        Some("server/discover") => error(message, -32601, "what?"),
        Some("initialize") => result(
            message,
            json!({
                "protocolVersion": "2025-06-18",
                "capabilities": capabilities,
                "serverInfo": { "name": "old", "version": "1" },
            }),
        ),
        Some("notifications/initialized") => Reply::Nothing,
        _ => script(number, message),
    })
}

pub(crate) struct PeerTransport {
    below: Multiplex,
    tasks: [JoinHandle<()>; 2],
    headers: Arc<Mutex<Vec<ParamHeaders>>>,
}

impl Connect for Peer {
    type Transport = PeerTransport;

    async fn connect(&self) -> Result<Connection<PeerTransport>, Error> {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        let refuse = |left: u32| left.checked_sub(1);
        if self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, refuse).is_ok() {
            return Err(Error::new(ErrorKind::Connect, "it is refused"));
        }
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (say, mut said) = mpsc::unbounded_channel();
        *self.say.lock().unwrap() = Some(say);
        let this = self.clone();
        let (our_reader, our_writer) = tokio::io::split(ours);
        let (multiplex, inbound, driver) =
            Multiplex::lines(our_reader, our_writer, Limits::default());
        let ends = multiplex.clone();
        let run = tokio::spawn(async move {
            let (reader, mut writer) = tokio::io::split(theirs);
            let mut lines = BufReader::new(reader).lines();
            loop {
                let lines = tokio::select! {
                    line = lines.next_line() => {
                        let Ok(Some(line)) = line else { break };
                        let message: Value = serde_json::from_str(&line).unwrap();
                        this.received.lock().unwrap().push(message.clone());
                        let mut reply = (this.script)(number, &message);
                        while let Reply::Later(wait, then) = reply {
                            tokio::time::sleep(wait).await;
                            reply = *then;
                        }
                        match reply {
                            Reply::Nothing | Reply::Later(..) => continue,
                            Reply::Lines(lines) => lines,
                        }
                    }
                    said = said.recv() => match said {
                        Some(Some(message)) => vec![message],
                        _ => {
                            // As a process that tells how it ended.
                            let error = Error::new(ErrorKind::Closed, "the process has ended");
                            let status = std::io::Error::other("exit status 3");
                            ends.fail(&error.with_source(status));
                            break;
                        }
                    }
                };
                for line in lines {
                    if writer.write_all(format!("{line}\n").as_bytes()).await.is_err() {
                        return;
                    }
                }
            }
        });
        let driver = tokio::spawn(async move { drop(driver.await) });
        let (tasks, headers) = ([run, driver], Arc::clone(&self.headers));
        let transport = PeerTransport { below: multiplex, tasks, headers };
        Ok(Connection::new(transport, inbound).with_pid(number + 100))
    }

    fn binding(&self) -> Binding {
        self.binding
    }

    fn describe(&self) -> String {
        "scripted".to_owned()
    }
}

impl Transport for PeerTransport {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        self.headers.lock().unwrap().extend(request.extensions.get::<ParamHeaders>().cloned());
        self.below.request(request).await
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        self.below.send(message).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.below.close().await
    }
}

impl Drop for PeerTransport {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

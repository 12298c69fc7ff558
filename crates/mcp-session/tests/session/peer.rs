//! A server that answers by a script.

use std::{
    sync::{Arc, Mutex, atomic::AtomicU32, atomic::Ordering},
    time::Duration,
};

use mcp_core::Request;
use mcp_transport::{
    Address, Binding, Connect, Connection, ConnectionInfo, Envelope, Error, Exchange, Limits,
    OneWay, Routing, Transport, multiplex::Multiplex,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    task::JoinHandle,
};

/// What a script does about one message of the client.
pub(crate) enum Reply {
    Nothing,
    Lines(Vec<Value>),
    /// The server takes its time.
    Later(Duration, Box<Reply>),
    /// The server ends.
    Close,
}

type Script = dyn Fn(u32, &Value) -> Reply + Send + Sync;

/// Connects to a fresh run of the script each time.
#[derive(Clone)]
pub(crate) struct Peer {
    script: Arc<Script>,
    received: Arc<Mutex<Vec<Value>>>,
    routings: Arc<Mutex<Vec<Routing>>>,
    connections: Arc<AtomicU32>,
    open: Arc<AtomicU32>,
    binding: Binding,
}

/// `script` is told how many connections there were before, and what the client has sent.
pub(crate) fn peer(script: impl Fn(u32, &Value) -> Reply + Send + Sync + 'static) -> Peer {
    Peer {
        script: Arc::new(script),
        received: Arc::default(),
        routings: Arc::default(),
        connections: Arc::default(),
        open: Arc::default(),
        binding: Binding::Pipe,
    }
}

impl Peer {
    pub(crate) fn bound(mut self, binding: Binding) -> Self {
        self.binding = binding;
        self
    }

    /// What the script does about a message.
    #[allow(dead_code, reason = "some that use this file do not ask")]
    pub(crate) fn reply(&self, number: u32, message: &Value) -> Reply {
        (self.script)(number, message)
    }

    /// All that the client has sent, over all connections.
    pub(crate) fn received(&self) -> Vec<Value> {
        self.received.lock().unwrap().clone()
    }

    /// What was to be repeated in headers, over all connections.
    pub(crate) fn routings(&self) -> Vec<Routing> {
        self.routings.lock().unwrap().clone()
    }

    pub(crate) fn methods(&self) -> Vec<String> {
        self.received()
            .iter()
            .map(|message| message["method"].as_str().unwrap_or("response").to_owned())
            .collect()
    }

    /// How many connections have not ended.
    #[allow(dead_code, reason = "some that use this file do not ask")]
    pub(crate) fn open_connections(&self) -> u32 {
        self.open.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }
}

pub(crate) fn result(request: &Value, result: Value) -> Reply {
    Reply::Lines(vec![json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })])
}

pub(crate) fn error(request: &Value, error: Value) -> Reply {
    Reply::Lines(vec![json!({ "jsonrpc": "2.0", "id": request["id"], "error": error })])
}

/// A `DiscoverResult` with these versions.
pub(crate) fn discover(request: &Value, versions: &[&str]) -> Reply {
    result(
        request,
        json!({
            "resultType": "complete",
            "supportedVersions": versions,
            "capabilities": { "tools": {} },
            "instructions": "Be kind.",
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "new", "version": "2" } },
        }),
    )
}

/// An `InitializeResult` with this version.
pub(crate) fn initialized(request: &Value, version: &str) -> Reply {
    result(
        request,
        json!({
            "protocolVersion": version,
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "old", "version": "1" },
        }),
    )
}

/// A modern server that answers everything else by `script`.
pub(crate) fn modern(script: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> Peer {
    peer(move |_, message| match message["method"].as_str() {
        Some("server/discover") => discover(message, &["2026-07-28"]),
        _ => script(message),
    })
}

/// A legacy server that answers everything else by `script`.
pub(crate) fn legacy(script: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> Peer {
    peer(move |_, message| match message["method"].as_str() {
        Some("server/discover") => error(message, json!({ "code": -32601, "message": "what?" })),
        Some("initialize") => initialized(message, "2025-11-25"),
        Some("notifications/initialized") => Reply::Nothing,
        _ => script(message),
    })
}

pub(crate) struct PeerTransport(Multiplex, JoinHandle<Error>, Arc<Mutex<Vec<Routing>>>);

impl Connect for Peer {
    type Transport = PeerTransport;

    async fn connect(&self) -> Result<Connection<PeerTransport>, Error> {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let this = self.clone();
        let routings = Arc::clone(&self.routings);
        self.open.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            let (reader, mut writer) = tokio::io::split(theirs);
            let mut lines = BufReader::new(reader).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let message: Value = serde_json::from_str(&line).unwrap();
                this.received.lock().unwrap().push(message.clone());
                let mut reply = (this.script)(number, &message);
                while let Reply::Later(wait, then) = reply {
                    tokio::time::sleep(wait).await;
                    reply = *then;
                }
                match reply {
                    Reply::Nothing | Reply::Later(..) => {}
                    Reply::Lines(lines) => {
                        for line in lines {
                            writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
                        }
                    }
                    Reply::Close => break,
                }
            }
            this.open.fetch_sub(1, Ordering::SeqCst);
        });
        let (reader, writer) = tokio::io::split(ours);
        let (multiplex, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
        let transport = PeerTransport(multiplex, tokio::spawn(driver), routings);
        let info = ConnectionInfo::new(self.binding, self.describe());
        let peer = match self.binding {
            Binding::StreamableHttp => Some(Address::new("books.example", 8443)),
            _ => None,
        };
        Ok(Connection::new(transport, inbound, info.with_peer(peer)))
    }

    fn describe(&self) -> String {
        "scripted".to_owned()
    }
}

impl Transport for PeerTransport {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        self.2.lock().unwrap().extend(request.routing.as_deref().cloned());
        self.0.request(request).await
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        self.0.send(message).await
    }

    async fn closed(&self) -> Error {
        self.0.closed().await
    }

    async fn close(&self) -> Result<(), Error> {
        self.0.close().await
    }
}

impl Drop for PeerTransport {
    fn drop(&mut self) {
        self.1.abort();
    }
}

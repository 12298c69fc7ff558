//! Any server over a pipe. The responses of `mcp_server::Server` are tested in its own crate.

use std::sync::{Arc, atomic::Ordering};

use mcp_core::ProtocolVersion;
use mcp_serve::serve_lines;
use mcp_testkit::{until, within};
use serde_json::{Value, json};
use tokio::{
    io::{
        AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, split,
    },
    task::JoinHandle,
};

use crate::fixture::{Chatty, Counts};

struct Client {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
    counts: Arc<Counts>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Client {
    fn new() -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 12);
        let (chatty, counts) = Chatty::new();
        let (reader, writer) = split(theirs);
        let serving = tokio::spawn(serve_lines(chatty, reader, writer));
        let (reader, writer) = split(ours);
        Self { lines: BufReader::new(reader).lines(), writer, counts, serving }
    }

    async fn write(&mut self, message: Value) {
        within(self.writer.write_all(format!("{message}\n").as_bytes())).await.unwrap();
    }

    async fn read(&mut self) -> Value {
        serde_json::from_str(&within(self.lines.next_line()).await.unwrap().unwrap()).unwrap()
    }
}

fn request(id: u32, method: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method })
}

#[tokio::test]
async fn messages_outside_exchanges_go_both_ways() {
    let mut client = Client::new();
    client.write(request(1, "tell")).await;
    let messages = [client.read().await, client.read().await];
    assert!(messages.iter().any(|it| it["method"] == "notifications/told"), "{messages:?}");
    assert!(messages.iter().any(|it| it["id"] == 1), "{messages:?}");

    client.write(request(2, "ask")).await;
    let ping = client.read().await;
    assert_eq!(ping["method"], "ping");
    let pong = json!({ "jsonrpc": "2.0", "id": ping["id"], "result": { "pong": true } });
    client.write(pong).await;
    assert_eq!(client.read().await["result"], json!({ "pong": true }));
}

#[tokio::test]
async fn a_client_has_its_server_which_is_closed_at_the_end() {
    let mut client = Client::new();
    client.write(request(1, "wait")).await;
    client.write(request(2, "echo")).await;
    assert_eq!(client.read().await["id"], 2);
    assert_eq!(client.counts.clients.load(Ordering::SeqCst), 1);
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": { "requestId": 1 } });
    client.write(cancel).await;
    let counts = Arc::clone(&client.counts);
    until("the request is cancelled", || counts.cancelled.load(Ordering::SeqCst) == 1).await;
    assert_eq!(counts.closed.load(Ordering::SeqCst), 0);
    drop((client.writer, client.lines));
    within(client.serving).await.unwrap().unwrap();
    assert_eq!(counts.closed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn requests_have_the_revision_of_the_connection_or_their_own() {
    let mut client = Client::new();
    client.write(request(1, "echo")).await;
    client.read().await;
    let mut initialize = request(2, "initialize");
    initialize["params"] = json!({ "protocolVersion": "2025-06-18" });
    client.write(initialize).await;
    client.read().await;
    client.write(request(3, "echo")).await;
    client.read().await;
    let mut modern = request(4, "echo");
    let version = "io.modelcontextprotocol/protocolVersion";
    modern["params"] = json!({ "_meta": { version: "2026-07-28" } });
    client.write(modern).await;
    client.read().await;
    let versions = client.counts.versions.lock().unwrap().clone();
    let legacy = Some(ProtocolVersion::V2025_06_18);
    assert_eq!(versions, [None, None, legacy, Some(ProtocolVersion::V2026_07_28)]);
}

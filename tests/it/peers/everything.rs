//! The reference server with all features of the legacy era.

use std::{
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_client::{
    Client, ErrorKind, Handlers, RawRequest, ServerRequest, Session,
    types::{
        ClientCapabilities, ElicitationCapability, ProtocolVersion, RawJson, RootsCapability,
        SamplingCapability,
    },
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{HttpPeer, Log, Peer, Program, StdioPeer, bounded, within};

const BIN: &str = "npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js";

pub(super) fn everything() -> Option<Program> {
    let peers = Peer("npm").installed()?;
    Some(Program::new("node").arg(peers.join(BIN)))
}

pub(super) async fn over_http() -> Option<HttpPeer> {
    at_port("streamableHttp", "/mcp", "listening on").await
}

pub(super) async fn over_sse() -> Option<HttpPeer> {
    at_port("sse", "/sse", "running on port").await
}

async fn at_port(form: &str, path: &str, ready: &str) -> Option<HttpPeer> {
    let mut command: Command = everything()?.command();
    command.arg(form);
    Some(HttpPeer::start_at_port(command, "PORT", path, ready).await)
}

#[tokio::test]
async fn stdio() {
    let Some(program) = everything() else { return };
    let peer = StdioPeer::start(&program);
    let session = bounded(peer.client().connect()).await.unwrap();
    exercise(&session).await;
    let before = peer.tree.running();
    within(Duration::from_secs(5), session.close()).await.unwrap();
    peer.tree.gone(&before, Duration::ZERO).await;
}

#[tokio::test]
async fn http() {
    let Some(peer) = over_http().await else { return };
    let session = bounded(peer.client().connect()).await.unwrap();
    exercise(&session).await;
    within(Duration::from_secs(5), session.close()).await.unwrap();
    bounded(peer.log.line(0, "session termination request")).await;
}

pub(super) async fn exercise(session: &Session) {
    assert_eq!(session.protocol_version(), ProtocolVersion::LATEST_LEGACY);
    assert_eq!(session.server_info().unwrap().name, "mcp-servers/everything");
    assert!(session.instructions().is_some());

    let tools = bounded(session.list_tools()).await.unwrap();
    for name in ["echo", "get-sum", "get-structured-content", "trigger-long-running-operation"] {
        assert!(tools.iter().any(|tool| tool.name == name), "{name}: {tools:?}");
    }
    let echo = bounded(session.call_tool("echo").arg("message", "hello")).await.unwrap();
    assert_eq!(echo.into_result().unwrap().text(), "Echo: hello");
    let structured = session.call_tool("get-structured-content").arg("location", "New York");
    let structured = bounded(structured).await.unwrap();
    assert!(structured.structured_content.unwrap()["temperature"].is_number());
    let error = bounded(session.call_tool("echo")).await.unwrap().into_result().unwrap_err();
    assert!(error.to_string().contains("message"), "{error}");
    bounded(session.call_tool("get-tiny-image")).await.unwrap().into_result().unwrap();

    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let operation = |seconds: f64| {
        let call = session.call_tool("trigger-long-running-operation");
        call.arg("duration", seconds).arg("steps", 4)
    };
    let call = operation(0.2)
        .on_progress(move |progress| heard.lock().unwrap().push(progress.progress.to_f64()));
    bounded(call).await.unwrap().into_result().unwrap();
    assert_eq!(*seen.lock().unwrap(), [1.0, 2.0, 3.0, 4.0]);

    let error = bounded(operation(60.0).timeout(Duration::from_millis(50))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    bounded(session.ping()).await.unwrap();

    let resources = bounded(session.list_resources()).await.unwrap();
    let read = bounded(session.read_resource(&resources[0].uri)).await.unwrap();
    assert_eq!(read.contents[0].uri(), resources[0].uri);
    let prompts = bounded(session.list_prompts()).await.unwrap();
    assert!(prompts.iter().any(|prompt| prompt.name == "args-prompt"), "{prompts:?}");
    let prompt = session.get_prompt("args-prompt").arg("city", "Paris");
    let prompt = bounded(prompt).await.unwrap();
    assert!(prompt.messages[0].content.as_text().unwrap().contains("Paris"));
}

/// Answers the server's requests; `asked` records the server and the request.
pub(super) fn answering(client: Client, asked: &Log) -> Client {
    let capabilities = ClientCapabilities::new()
        .with_roots(RootsCapability::new())
        .with_sampling(SamplingCapability::new())
        .with_elicitation(ElicitationCapability::new());
    let asked = asked.clone();
    let handlers = Handlers::new().on_request(move |request: ServerRequest<RawRequest>| {
        asked.push(&format!("{} {}", request.server, request.params.method));
        let answer = match &*request.params.method {
            "roots/list" => json!({ "roots": [{ "uri": "file:///srv/shop", "name": "shop" }] }),
            "sampling/createMessage" => json!({
                "role": "assistant",
                "content": { "type": "text", "text": "a poem" },
                "model": "a poet",
            }),
            _ => json!({ "action": "accept", "content": { "name": "Ann" } }),
        };
        async move { RawJson::from_serialize(&answer).unwrap() }
    });
    client.capabilities(capabilities).handlers(handlers)
}

/// Triggers all requests of the server, with tools of this prefix.
pub(super) async fn asks(session: &Session, prefix: &str, asked: &Log) {
    for (tool, method, says) in [
        ("get-roots-list", "roots/list", "file:///srv/shop"),
        ("trigger-sampling-request", "sampling/createMessage", "a poem"),
        ("trigger-elicitation-request", "elicitation/create", "Ann"),
    ] {
        let call = session.call_tool(&format!("{prefix}{tool}"));
        let call = match tool {
            "trigger-sampling-request" => call.arg("prompt", "a poem").arg("maxTokens", 100),
            _ => call,
        };
        let result = bounded(call).await.unwrap().into_result().unwrap();
        assert!(result.text().contains(says), "{}", result.text());
        bounded(asked.line(0, &format!("everything {method}"))).await;
    }
}

#[tokio::test]
async fn its_requests_are_answered_over_each_transport() {
    let Some(program) = everything() else { return };
    let stdio = StdioPeer::start(&program);
    let (Some(http), Some(sse)) = (over_http().await, over_sse().await) else { return };
    for client in [stdio.client(), http.client(), sse.client()] {
        let asked = Log::new();
        let client = answering(client.name("everything"), &asked);
        let session = bounded(client.connect()).await.unwrap();
        asks(&session, "", &asked).await;
        within(Duration::from_secs(5), session.close()).await.unwrap();
    }
}

/// The server requests roots if the client declares them, and does not exit before it has a response.
pub(super) async fn asks_for_roots(client: Client, log: &Log) -> Session {
    let client = client.capabilities(ClientCapabilities::new().with_roots(RootsCapability::new()));
    let session = bounded(client.connect()).await.unwrap();
    let line = bounded(log.line(0, "Failed to request roots")).await;
    assert!(line.contains("this client does not support roots/list"), "{line}");
    session
}

#[tokio::test]
async fn its_request_for_roots_is_answered_over_stdio() {
    let Some(program) = everything() else { return };
    let peer = StdioPeer::start(&program);
    let heard = Log::new();
    let lines = heard.clone();
    let client = peer.client().on_notification(move |it| lines.push(&it.method));
    let session = asks_for_roots(client, &peer.log).await;
    bounded(heard.line(0, "notifications/tools/list_changed")).await;
    let before = peer.tree.running();
    within(Duration::from_secs(2), session.close()).await.unwrap();
    peer.tree.gone(&before, Duration::ZERO).await;
}

#[tokio::test]
async fn its_request_for_roots_is_answered_over_http() {
    let Some(peer) = over_http().await else { return };
    let session = asks_for_roots(peer.client(), &peer.log).await;
    bounded(session.close()).await.unwrap();
}

#[tokio::test]
async fn a_lost_session_is_replaced() {
    let Some(peer) = over_http().await else { return };
    let session = bounded(peer.client().connect()).await.unwrap();
    let line = bounded(peer.log.line(0, "Session initialized with ID: ")).await;
    let id = line.split(": ").last().unwrap();
    let address = peer.url.trim_start_matches("http://").trim_end_matches("/mcp");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "DELETE /mcp HTTP/1.1\r\nhost: {address}\r\nmcp-session-id: {id}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    bounded(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let echo = bounded(session.call_tool("echo").arg("message", "again")).await.unwrap();
    assert_eq!(echo.text(), "Echo: again");
    bounded(session.close()).await.unwrap();
}

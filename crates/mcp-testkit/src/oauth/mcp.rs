//! The MCP server that requires a token.

use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::state::{Answer, State, json_answer};
use crate::http::{Received, Reply};

/// The response to an authorized request at `/mcp`.
pub(super) fn answer(request: &Received) -> Answer {
    match result(request) {
        Some(body) => (200, vec![("content-type".into(), "application/json".into())], body),
        None if request.method == "GET" => (405, Vec::new(), String::new()),
        None if request.body == "{}" => json_answer(200, &json!({})),
        None => (202, Vec::new(), String::new()),
    }
}

/// The response to an authorized message at `/messages`: the JSON-RPC response goes to the stream.
pub(super) fn posted(state: &State, request: &Received) -> Answer {
    if let (Some(body), Some(stream)) = (result(request), &state.stream) {
        // A closed stream receives nothing.
        let _ = stream.send(body);
    }
    (202, Vec::new(), String::new())
}

/// The JSON-RPC response to a request.
fn result(request: &Received) -> Option<String> {
    if request.id().is_null() {
        return None;
    }
    let result = match request.rpc().as_str() {
        "server/discover" => json!({
            "resultType": "complete",
            "supportedVersions": ["2026-07-28", "2025-11-25"],
            "capabilities": { "tools": {} },
        }),
        "initialize" => json!({
            "protocolVersion": request.json()["params"]["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "guarded", "version": "1" },
        }),
        "tools/list" => json!({
            "resultType": "complete",
            "tools": [{ "name": "echo", "inputSchema": { "type": "object" } }],
        }),
        "tools/call" => {
            let text = request.json()["params"]["arguments"]["text"].clone();
            json!({ "resultType": "complete", "content": [{ "type": "text", "text": text }] })
        }
        _ => json!({ "resultType": "complete" }),
    };
    Some(request.result(&result.to_string()))
}

/// Opens an HTTP+SSE stream, which replaces the previous one.
pub(super) fn open(state: &mut State) -> UnboundedReceiver<String> {
    let (sender, messages) = unbounded_channel();
    state.stream = Some(sender);
    messages
}

/// Writes the stream until the client closes it or it is replaced.
pub(super) async fn stream(reply: Reply, mut messages: UnboundedReceiver<String>) -> Reply {
    let mut reply = reply.sse().await;
    reply.chunk("event: endpoint\ndata: /messages\n\n").await;
    loop {
        tokio::select! {
            () = reply.touched() => return reply.cut(),
            message = messages.recv() => match message {
                Some(message) => reply.event(message).await,
                None => return reply.end().await.cut(),
            },
        }
    }
}

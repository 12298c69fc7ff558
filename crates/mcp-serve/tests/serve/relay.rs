//! Remote servers, behind HTTP.

use http::Method;
use mcp_serve::{Http, Relay};
use mcp_testkit::{
    scripted::{Peer, Reply},
    until,
};
use serde_json::{Value, json};

use crate::raw::{Answer, post, request, send};

/// Sends progress with the token of a request, and responds with the received id and parameters.
fn echo(message: &Value) -> Reply {
    if message["id"].is_null() {
        return Reply::Nothing;
    }
    let mut lines = Vec::new();
    let token = &message["params"]["_meta"]["progressToken"];
    if !token.is_null() {
        lines.push(json!({ "jsonrpc": "2.0", "method": "notifications/progress",
            "params": { "progressToken": token, "progress": 1 } }));
    }
    let got = json!({ "id": message["id"], "token": token, "a": message["params"]["a"] });
    lines.push(json!({ "jsonrpc": "2.0", "id": message["id"], "result": got }));
    match message["method"].as_str() {
        Some("silent") => Reply::Nothing,
        Some("die") => Reply::Close,
        _ => Reply::Lines(lines),
    }
}

async fn modern(http: &Http<Relay<Peer>>, method: &str, token: &str) -> Answer {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": token,
    });
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    post(http, &headers, &request(1, method, json!({ "a": token, "_meta": meta }))).await
}

#[tokio::test]
async fn clients_of_one_connection_are_isolated() {
    let peer = Peer::new(|_, message| echo(message));
    let http = Http::new(Relay::new(peer.clone()));
    let mut answers = [modern(&http, "echo", "x").await, modern(&http, "echo", "y").await];
    for (answer, token) in answers.iter_mut().zip(["x", "y"]) {
        let (_, progress) = answer.event().await.unwrap();
        assert_eq!(progress["params"], json!({ "progressToken": token, "progress": 1 }));
        let (_, response) = answer.event().await.unwrap();
        assert_eq!((&response["id"], &response["result"]["a"]), (&json!(1), &json!(token)));
        assert_eq!(response["result"]["id"], response["result"]["token"], "both are new");
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_closed_connection_is_reopened_and_the_failure_has_its_delivery() {
    let peer = Peer::new(|_, message| echo(message));
    let http = Http::new(Relay::new(peer.clone()));
    let mut died = modern(&http, "die", "x").await;
    let (_, error) = died.event().await.unwrap();
    assert_eq!(error["error"]["data"]["delivery"], "unknown", "{error}");
    let mut next = modern(&http, "echo", "y").await;
    next.event().await.unwrap();
    assert_eq!(next.event().await.unwrap().1["result"]["a"], "y");
    assert_eq!(peer.connections(), 2);

    peer.exit();
    peer.refuse(1);
    until("the relay detects it", || peer.open_connections() == 0).await;
    let refused = modern(&http, "echo", "z").await.json().await;
    assert_eq!(refused["error"]["data"]["delivery"], "notSent", "{refused}");
}

#[tokio::test]
async fn dropping_a_request_cancels_it_at_the_server() {
    let peer = Peer::new(|_, message| echo(message));
    let http = Http::new(Relay::new(peer.clone()));
    let answer = modern(&http, "silent", "x").await;
    until("it has come", || !peer.asked("silent").is_empty()).await;
    drop(answer);
    until("it is cancelled", || !peer.asked("notifications/cancelled").is_empty()).await;
    let id = &peer.asked("silent")[0]["id"];
    assert_eq!(&peer.asked("notifications/cancelled")[0]["params"]["requestId"], id);
}

#[tokio::test]
async fn a_session_has_its_own_connection() {
    let peer = Peer::legacy(json!({ "tools": {} }), |_, message| echo(message));
    let http = Http::new(Relay::new(peer.clone()));
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "c", "version": "1" } });
        let opened = post(&http, &[], &request(0, "initialize", params)).await;
        assert_eq!(opened.status, 200);
        sessions.push(opened.header("mcp-session-id").unwrap().to_owned());
    }
    assert_eq!(peer.open_connections(), 2);
    let session = [("mcp-session-id", &*sessions[1])];
    let mut stream = send(&http, Method::GET, &session, "").await;
    // On the latest connection.
    peer.say(json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" }));
    assert_eq!(stream.event().await.unwrap().1["method"], "notifications/tools/list_changed");
    assert_eq!(send(&http, Method::DELETE, &session, "").await.status, 204);
    until("its connection is closed", || peer.open_connections() == 1).await;
}

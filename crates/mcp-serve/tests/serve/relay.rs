//! Remote servers, behind HTTP.

use http::Method;
use mcp_serve::{Http, Relay, serve_lines};
use mcp_testkit::{
    scripted::{Peer, Reply},
    until, within,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, split};

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
    let error = modern(&http, "die", "x").await.json().await;
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
    let served = http.clone();
    let waiting = tokio::spawn(async move { drop(modern(&served, "silent", "x").await) });
    until("it has come", || !peer.asked("silent").is_empty()).await;
    waiting.abort();
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

async fn open(http: &Http<Relay<Peer>>) -> String {
    let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": { "name": "c", "version": "1" } });
    let opened = post(http, &[], &request(0, "initialize", params)).await;
    opened.header("mcp-session-id").unwrap().to_owned()
}

#[tokio::test]
async fn a_session_ends_with_its_server_and_calls_in_flight_fail() {
    let peer = Peer::legacy(json!({ "tools": {} }), |_, message| echo(message));
    let http = Http::new(Relay::new(peer.clone()));
    let session = open(&http).await;
    let session = [("mcp-session-id", &*session)];
    let mut stream = send(&http, Method::GET, &session, "").await;
    let mut waiting = Vec::new();
    for id in 0..64 {
        waiting.push(post(&http, &session, &request(id, "silent", json!({}))).await);
    }
    until("they have come", || peer.asked("silent").len() == 64).await;
    peer.exit();
    for (id, answer) in waiting.iter_mut().enumerate() {
        assert_eq!(answer.event().await.unwrap().1, Value::Null, "the stream is primed");
        let (_, error) = answer.event().await.unwrap();
        assert_eq!(error["id"], id);
        assert_eq!(error["error"]["data"]["delivery"], "unknown", "{error}");
        assert!(answer.event().await.is_none());
    }
    assert!(stream.event().await.is_none(), "it ends");
    for _ in 0..2 {
        assert_eq!(post(&http, &session, &request(99, "echo", json!({}))).await.status, 404);
    }
    assert_eq!(http.sessions(), 0);
    let session = open(&http).await;
    let echo = request(1, "echo", json!({ "a": 1 }));
    assert_eq!(post(&http, &[("mcp-session-id", &session)], &echo).await.status, 200);
}

/// As a server that the client started itself.
#[tokio::test]
async fn a_legacy_session_over_lines_ends_with_its_server() {
    for (version, ends) in [("2025-06-18", true), ("2026-07-28", false)] {
        let peer = match ends {
            true => Peer::legacy(json!({ "tools": {} }), |_, message| echo(message)),
            false => Peer::new(|_, message| echo(message)),
        };
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = split(theirs);
        let serving = tokio::spawn(serve_lines(Relay::new(peer.clone()), reader, writer));
        let (reader, mut writer) = split(ours);
        let mut lines = BufReader::new(reader).lines();
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": version });
        let messages = match ends {
            true => vec![
                request(
                    1,
                    "initialize",
                    json!({ "protocolVersion": version, "capabilities": {},
                    "clientInfo": { "name": "c", "version": "1" } }),
                ),
                request(2, "silent", json!({})),
            ],
            false => vec![request(1, "silent", json!({ "_meta": meta }))],
        };
        for message in &messages {
            writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
        }
        until("they have come", || !peer.asked("silent").is_empty()).await;
        if ends {
            assert!(within(lines.next_line()).await.unwrap().unwrap().contains("2025-11-25"));
        }
        peer.exit();
        let failed = within(lines.next_line()).await.unwrap().unwrap();
        assert!(failed.contains(r#""delivery":"unknown""#), "{failed}");
        if ends {
            let error = within(serving).await.unwrap().unwrap_err();
            let cause = error.get_ref().unwrap().downcast_ref::<mcp_transport::Error>();
            assert_eq!(cause.unwrap().kind(), mcp_transport::ErrorKind::Closed);
        } else {
            let next = request(2, "echo", json!({ "a": 5, "_meta": meta }));
            writer.write_all(format!("{next}\n").as_bytes()).await.unwrap();
            let answer = within(lines.next_line()).await.unwrap().unwrap();
            assert!(answer.contains(r#""a":5"#), "{answer}");
            writer.shutdown().await.unwrap();
            within(serving).await.unwrap().unwrap();
        }
    }
}

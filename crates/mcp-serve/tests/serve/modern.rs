//! Requests of the modern era.

use std::{sync::atomic::Ordering, time::Duration};

use http::Method;
use mcp_serve::Http;
use mcp_testkit::until;
use mcp_transport::Routing;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    fixture::Chatty,
    raw::{post, request, send},
};

const VERSION: (&str, &str) = ("mcp-protocol-version", "2026-07-28");

fn modern(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    request(1, method, params)
}

#[tokio::test]
async fn a_response_is_json_or_the_end_of_a_stream() {
    let http = Http::new(Chatty::new().0);
    let echo = modern("echo", json!({ "a": 1 }));
    let answer = post(&http, &[VERSION, ("mcp-method", "echo")], &echo).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(answer.json().await["result"]["a"], 1);

    let steps = modern("steps", json!({}));
    let mut answer = post(&http, &[VERSION, ("mcp-method", "steps")], &steps).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let mut methods = Vec::new();
    while let Some((id, message)) = answer.event().await {
        assert_eq!(id, "", "there is nothing to resume");
        methods.push(message["method"].clone());
    }
    assert_eq!(methods, [json!("notifications/1"), json!("notifications/2"), Value::Null]);
    assert_eq!(http.sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_response_is_json_too() {
    let start = Instant::now();
    let http = Http::new(Chatty::new().0);
    let late = modern("late", json!({}));
    let answer = post(&http, &[VERSION, ("mcp-method", "late")], &late).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json().await["result"]["late"], true);
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn closing_the_connection_cancels_the_request() {
    let (chatty, counts) = Chatty::new();
    let http = Http::new(chatty);
    let wait = modern("wait", json!({}));
    let headers = [VERSION, ("mcp-method", "wait")];
    // Before the head of the response, and after it.
    for (seconds, cancelled) in [(14, 1), (16, 2)] {
        let waited = async {
            let mut answer = post(&http, &headers, &wait).await;
            answer.event().await
        };
        let waited = tokio::time::timeout(Duration::from_secs(seconds), waited).await;
        assert!(waited.is_err(), "nothing comes");
        until("it is cancelled", || counts.cancelled.load(Ordering::SeqCst) == cancelled).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_answered_with_a_stream_of_comments() {
    let start = Instant::now();
    let http = Http::new(Chatty::new().0);
    let wait = modern("wait", json!({}));
    let mut answer = post(&http, &[VERSION, ("mcp-method", "wait")], &wait).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(start.elapsed(), Duration::from_secs(15));
    for n in 2..=4 {
        assert_eq!(answer.frame().await, ":\n\n");
        assert_eq!(start.elapsed(), Duration::from_secs(15 * n));
    }
}

#[tokio::test]
async fn headers_must_match_the_body() {
    let http = Http::new(Chatty::new().0);
    let call = modern("tools/call", json!({ "name": "\u{e9}" }));
    let method = ("mcp-method", "tools/call");
    for (headers, expected) in [
        (vec![], 400),
        (vec![VERSION], 400),
        (vec![VERSION, method], 400),
        (vec![VERSION, method, ("mcp-name", "e")], 400),
        (vec![VERSION, ("mcp-method", "TOOLS/CALL"), ("mcp-name", "=?base64?w6k=?=")], 400),
        (vec![VERSION, method, ("mcp-name", "=?base64?w6k=?=")], 200),
    ] {
        let answer = post(&http, &headers, &call).await;
        assert_eq!(answer.status, expected, "{headers:?}");
        let body = answer.json().await;
        assert_eq!(body["error"]["code"] == -32020, expected == 400, "{headers:?} {body}");
    }
}

#[tokio::test]
async fn headers_that_repeat_parameters_are_passed_on() {
    let (chatty, counts) = Chatty::new();
    let http = Http::new(chatty);
    let method = ("mcp-method", "tools/call");
    let call = modern("tools/call", json!({ "name": "a", "arguments": { "region": "gr\u{fc}n" } }));
    let region = ("mcp-param-region", "=?base64?Z3LDvG4=?=");
    post(&http, &[VERSION, method, ("mcp-name", "a"), region], &call).await;
    let echo = modern("echo", json!({ "name": "of the parameters" }));
    post(&http, &[VERSION, ("mcp-method", "echo")], &echo).await;
    let params = vec![("region".to_owned(), "gr\u{fc}n".to_owned())];
    let routing = Routing::new().with_name("a").with_params(params);
    assert_eq!(*counts.routings.lock().unwrap(), [Some(routing), None]);
}

#[tokio::test]
async fn an_invalid_request_is_refused_with_a_json_rpc_error() {
    let http = Http::new(Chatty::new().0).max_body(200);
    let json = ("content-type", "application/json; charset=utf-8");
    for (headers, body, status, code) in [
        (vec![json], "nonsense".to_owned(), 400, -32700),
        (vec![json], r#"{"jsonrpc":"2.0"}"#.to_owned(), 400, -32600),
        (vec![VERSION], r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned(), 400, -32600),
        (vec![("content-type", "text/plain")], "{}".to_owned(), 415, -32600),
        (vec![("accept", "application/json")], "{}".to_owned(), 406, -32600),
        (
            vec![("mcp-protocol-version", "2031-01-01")],
            r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#.to_owned(),
            400,
            -32600,
        ),
        (vec![], " ".repeat(201), 413, -32600),
    ] {
        let answer = send(&http, Method::POST, &headers, body.clone()).await;
        assert_eq!(answer.status, status, "{headers:?} {body}");
        assert_eq!(answer.json().await["error"]["code"], code, "{headers:?} {body}");
    }
    for method in [Method::PUT, Method::GET, Method::DELETE, Method::OPTIONS] {
        let answer = send(&http, method.clone(), &[], "").await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.header("allow").unwrap().contains("POST"));
    }
    assert_eq!(http.sessions(), 0);
}

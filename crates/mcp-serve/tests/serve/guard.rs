//! Hosts, origins and credentials.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use mcp_serve::{BearerToken, Http};
use serde_json::json;
use tower_service::Service;

use crate::{
    fixture::Chatty,
    raw::{post, request, send},
};

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused() {
    let http = Http::new(Chatty::new().0)
        .allow_host("mcp.example.com")
        .allow_origin("https://app.example.com");
    let initialize = request(1, "initialize", json!({ "protocolVersion": "2025-06-18" }));
    for (host, origin, expected) in [
        ("evil.example", None, 403),
        ("mcp.example.com", None, 200),
        ("MCP.example.com:8443", None, 200),
        ("[::1]:7", None, 200),
        ("localhost", Some("https://evil.example"), 403),
        ("localhost", Some("null"), 403),
        ("localhost", Some("http://localhost:3000"), 200),
        ("localhost", Some("https://mcp.example.com"), 200),
        ("localhost", Some("https://app.example.com"), 200),
        ("localhost", Some("http://app.example.com"), 403),
    ] {
        let mut headers = vec![("host", host)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let answer = post(&http, &headers, &initialize).await;
        assert_eq!(answer.status, expected, "{host} {origin:?}");
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed.is_some(), origin == Some("https://app.example.com"));
    }
}

#[tokio::test]
async fn the_host_may_be_in_the_url_as_in_http_2() {
    for (url, expected) in [("http://localhost/mcp", 405), ("http://evil.example/mcp", 403)] {
        let get = Request::get(url).body(Full::<Bytes>::default()).unwrap();
        let response = Http::new(Chatty::new().0).call(get).await.unwrap();
        assert_eq!(response.status(), expected, "{url}");
    }
}

#[tokio::test]
async fn a_preflight_of_an_allowed_origin_is_answered() {
    let http = Http::new(Chatty::new().0)
        .allow_origin("https://app.example.com")
        .authenticate(BearerToken::new("secret"));
    let origin = ("origin", "https://app.example.com");
    let preflight = send(&http, Method::OPTIONS, &[origin], "").await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("Mcp-Session-Id"));
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("DELETE"));
    let refused = post(&http, &[origin], &json!({})).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("access-control-allow-origin").is_some(), "the page may read why");
}

#[tokio::test]
async fn a_token_is_required_before_a_session() {
    let http = Http::new(Chatty::new().0).authenticate(BearerToken::new("secret"));
    let echo = request(1, "echo", json!({}));
    let session = ("mcp-session-id", "unknown");
    for (value, expected) in [
        (None, 401),
        (Some("Bearer wrong"), 401),
        (Some("Bearer secretsecret"), 401),
        (Some("Basic secret"), 401),
        (Some("bearer secret"), 404),
    ] {
        let mut headers = vec![session];
        headers.extend(value.map(|value| ("authorization", value)));
        let answer = post(&http, &headers, &echo).await;
        assert_eq!(answer.status, expected, "{value:?}");
        assert_eq!(answer.header("www-authenticate").is_some(), expected == 401);
    }
    assert!(!format!("{:?}", BearerToken::new("secret")).contains("secret"));
}

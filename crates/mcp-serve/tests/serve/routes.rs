//! Several servers by path.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use mcp_serve::{BearerToken, Http, Routes};
use mcp_testkit::within;
use serde_json::{Value, json};
use tower_service::Service;

use crate::{fixture::Chatty, raw::request};

async fn post(routes: &Routes<Chatty>, path: &str, session: Option<&str>, token: &str) -> Answer {
    let message = match session {
        Some(_) => request(2, "echo", json!({ "a": 1 })),
        None => request(1, "initialize", json!({ "protocolVersion": "2025-06-18" })),
    };
    let mut post = Request::post(path).header("host", "localhost");
    post = post.header("authorization", format!("Bearer {token}"));
    if let Some(session) = session {
        post = post.header("mcp-session-id", session);
    }
    let post = post.body(Full::new(Bytes::from(message.to_string()))).unwrap();
    let response = within(routes.clone().call(post)).await.unwrap();
    let session = response.headers().get("mcp-session-id");
    let session = session.map(|it| it.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = within(response.into_body().collect()).await.unwrap().to_bytes();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Answer { status, session, body }
}

struct Answer {
    status: u16,
    session: Option<String>,
    body: Value,
}

fn routes() -> Routes<Chatty> {
    let http = Http::new(Chatty::new().0).authenticate(BearerToken::new("secret"));
    Routes::new(http).server("news", Chatty::new().0).server("every echo", Chatty::new().0)
}

#[tokio::test]
async fn each_server_has_its_path_and_its_sessions() {
    let routes = routes();
    let paths = ["/mcp", "/servers/news/mcp", "/servers/every%20echo/mcp"];
    let mut sessions = Vec::new();
    for path in paths {
        sessions.push(post(&routes, path, None, "secret").await.session.unwrap());
    }
    for (at, path) in paths.into_iter().enumerate() {
        for (of, session) in sessions.iter().enumerate() {
            let status = post(&routes, path, Some(session), "secret").await.status;
            assert_eq!(status, if at == of { 200 } else { 404 }, "{path} {of}");
        }
    }
    assert_eq!(routes.sessions(), 3);
    assert_eq!(post(&routes, paths[1], None, "wrong").await.status, 401);
    routes.close().await;
    assert_eq!(routes.sessions(), 0);
}

#[tokio::test]
async fn an_unknown_name_lists_the_servers_to_authenticated_clients() {
    let routes = routes();
    let unknown = post(&routes, "/servers/new%22s/mcp", None, "secret").await;
    assert_eq!(unknown.status, 404);
    let error = &unknown.body["error"];
    let text = error["message"].as_str().unwrap();
    assert!(text.contains("new") && text.contains(r#""every echo", "news""#), "{text}");
    assert_eq!(error["data"]["servers"], json!(["every echo", "news"]));

    let refused = post(&routes, "/servers/x/mcp", None, "wrong").await;
    assert_eq!(refused.status, 401);
    assert!(!refused.body.to_string().contains("news"));
    for path in ["/", "/servers/", "/servers//mcp", "/servers/news", "/servers/a/b/mcp", "/sse"] {
        let other = post(&routes, path, None, "secret").await;
        assert_eq!((other.status, other.body), (404, Value::Null), "{path}");
    }
}

#[tokio::test]
async fn the_path_can_be_set() {
    let routes = routes().path("/api");
    for (path, expected) in
        [("/api", 200), ("/servers/news/api", 200), ("/mcp", 404), ("/servers/news/mcp", 404)]
    {
        assert_eq!(post(&routes, path, None, "secret").await.status, expected, "{path}");
    }
}

#[cfg(feature = "sse")]
#[tokio::test]
async fn http_sse_is_served_for_each() {
    let routes = routes().sse_path("/sse");
    for path in ["/sse", "/servers/news/sse"] {
        let get = Request::get(path).header("host", "localhost");
        let get = get.header("authorization", "Bearer secret").body(Full::<Bytes>::default());
        let response = within(routes.clone().call(get.unwrap())).await.unwrap();
        let mut body = response.into_body();
        let first = within(body.frame()).await.unwrap().unwrap().into_data().unwrap();
        let first = std::str::from_utf8(&first).unwrap();
        assert!(first.starts_with(&format!("event: endpoint\ndata: {path}?")), "{first}");
    }
    let unknown = post(&routes, "/servers/x/sse", None, "secret").await;
    assert_eq!(unknown.body["error"]["data"]["servers"], json!(["every echo", "news"]));
}

//! HTTP+SSE of revision 2024-11-05. The workspace tests cover it with our own client.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use mcp_serve::{Body, Http, HttpSse};
use mcp_testkit::{until, within};
use serde_json::{Value, json};
use tower_service::Service;

use crate::{fixture::Chatty, raw::request};

struct Stream {
    http: HttpSse<Chatty>,
    body: Body,
    url: String,
}

impl Stream {
    async fn open(http: &HttpSse<Chatty>) -> Self {
        let get = Request::get("/sse").header("host", "localhost").body(Full::<Bytes>::default());
        let response = within(http.clone().call(get.unwrap())).await.unwrap();
        assert_eq!(response.status(), 200);
        let mut stream =
            Self { http: http.clone(), body: response.into_body(), url: String::new() };
        let endpoint = stream.frame().await;
        let url = endpoint.strip_prefix("event: endpoint\ndata: ").unwrap().trim();
        assert!(url.starts_with("/sse?sessionId="), "{url}");
        stream.url = url.to_owned();
        stream
    }

    async fn frame(&mut self) -> String {
        let data = within(self.body.frame()).await.unwrap().unwrap().into_data().unwrap();
        String::from_utf8(data.into()).unwrap()
    }

    async fn message(&mut self) -> Value {
        let event = self.frame().await;
        let data = event.strip_prefix("event: message\ndata: ").unwrap();
        serde_json::from_str(data).unwrap()
    }

    async fn post(&self, body: impl ToString) -> u16 {
        let post = Request::post(&self.url).header("host", "localhost");
        let post = post.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        within(self.http.clone().call(post)).await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn a_session_ends_with_its_stream() {
    let (chatty, counts) = Chatty::new();
    let http = Http::new(chatty).max_sessions(1).http_sse();
    let mut stream = Stream::open(&http).await;
    let pretty = serde_json::to_string_pretty(&request(1, "echo", json!({ "a": "b\nc" }))).unwrap();
    assert_eq!(stream.post(pretty).await, 202);
    assert_eq!(stream.message().await["result"], json!({ "a": "b\nc" }));

    assert_eq!(stream.post(request(2, "ask", json!({}))).await, 202);
    let ping = stream.message().await;
    let pong = json!({ "jsonrpc": "2.0", "id": ping["id"], "result": { "pong": true } });
    assert_eq!(stream.post(pong).await, 202);
    assert_eq!(stream.message().await["result"], json!({ "pong": true }));
    assert_eq!(stream.post("nonsense").await, 400);

    let get = Request::get("/sse").header("host", "localhost").body(Full::<Bytes>::default());
    let refused = within(http.clone().call(get.unwrap())).await.unwrap();
    assert_eq!(refused.status(), 503, "there is one already");

    assert_eq!(stream.post(request(3, "wait", json!({}))).await, 202);
    let Stream { http, body, url } = stream;
    drop(body);
    until("its server is closed", || counts.closed.load(Ordering::SeqCst) == 1).await;
    assert_eq!(counts.cancelled.load(Ordering::SeqCst), 1);
    let next =
        Stream { http, body: Stream::open(&Http::new(Chatty::new().0).http_sse()).await.body, url };
    assert_eq!(next.post(request(4, "echo", json!({}))).await, 404);
    Stream::open(&next.http).await;
}

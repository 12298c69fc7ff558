//! Sessions of revisions before 2026-07-28.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use http::Method;
use mcp_serve::Http;
use mcp_testkit::until;
use serde_json::{Value, json};

use crate::{
    fixture::{Chatty, Counts},
    raw::{Answer, post, request, send},
};

struct Client {
    http: Http<Chatty>,
    session: String,
}

impl Client {
    async fn open(http: &Http<Chatty>, version: &str) -> Self {
        let initialize = request(0, "initialize", json!({ "protocolVersion": version }));
        let answer = post(http, &[], &initialize).await;
        assert_eq!(answer.status, 200);
        let session = answer.header("mcp-session-id").unwrap().to_owned();
        assert_eq!(answer.json().await["result"]["protocolVersion"], version);
        Self { http: http.clone(), session }
    }

    async fn post(&self, message: &Value) -> Answer {
        post(&self.http, &[("mcp-session-id", &self.session)], message).await
    }

    async fn call(&self, id: u32, method: &str) -> Answer {
        self.post(&request(id, method, json!({}))).await
    }

    async fn get(&self, last: Option<&str>) -> Answer {
        let mut headers = vec![("mcp-session-id", &*self.session)];
        headers.extend(last.map(|last| ("last-event-id", last)));
        send(&self.http, Method::GET, &headers, "").await
    }

    async fn delete(&self) -> Answer {
        send(&self.http, Method::DELETE, &[("mcp-session-id", &*self.session)], "").await
    }
}

async fn start(version: &str) -> (Client, Arc<Counts>) {
    let (chatty, counts) = Chatty::new();
    (Client::open(&Http::new(chatty), version).await, counts)
}

#[tokio::test]
async fn a_session_has_its_own_server_until_it_is_deleted() {
    let (one, counts) = start("2025-06-18").await;
    let two = Client::open(&one.http, "2025-11-25").await;
    assert_ne!(one.session, two.session);
    assert_eq!(counts.clients.load(Ordering::SeqCst), 2);
    assert_eq!(one.call(1, "echo").await.json().await["id"], 1);
    assert_eq!(one.delete().await.status, 204);
    assert_eq!(counts.closed.load(Ordering::SeqCst), 1);
    for answer in [one.call(2, "echo").await, one.get(None).await, one.delete().await] {
        assert_eq!(answer.status, 404);
        assert!(answer.json().await["error"]["message"].is_string());
    }
    assert_eq!(two.call(1, "echo").await.status, 200);
    let versions: Vec<_> =
        counts.versions.lock().unwrap().iter().flatten().map(ToString::to_string).collect();
    assert_eq!(versions, ["2025-06-18", "2025-11-25"]);

    let without = post(&two.http, &[], &request(1, "echo", json!({}))).await;
    assert_eq!(without.status, 400);
    let error = without.json().await["error"]["message"].to_string();
    assert!(error.contains("initialize"), "{error}");
}

#[tokio::test]
async fn messages_outside_exchanges_go_both_ways() {
    let (client, _) = start("2025-06-18").await;
    let mut stream = client.get(None).await;
    assert_eq!(client.call(1, "tell").await.status, 200);
    assert_eq!(stream.event().await.unwrap().1["method"], "notifications/told");

    let mut asking = client.call(2, "ask").await;
    let (_, ping) = stream.event().await.unwrap();
    let pong = json!({ "jsonrpc": "2.0", "id": ping["id"], "result": { "pong": true } });
    assert_eq!(client.post(&pong).await.status, 202);
    assert_eq!(asking.event().await.unwrap().1["result"], json!({ "pong": true }));
    assert!(asking.event().await.is_none(), "a response ends its stream");
}

#[tokio::test]
async fn a_later_stream_replaces_an_earlier_one_and_nothing_is_lost() {
    let (client, counts) = start("2025-06-18").await;
    let mut first = client.get(None).await;
    client.call(1, "tell").await;
    let (id, _) = first.event().await.unwrap();
    let mut second = client.get(None).await;
    assert!(first.event().await.is_none());
    client.call(2, "tell").await;
    let (next, _) = second.event().await.unwrap();
    assert_ne!(id, next);
    drop(second);
    let mut third = client.get(Some(&id)).await;
    assert_eq!(third.event().await.unwrap().0, next, "it is read again");
    assert_eq!(counts.closed.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_disconnected_stream_is_resumed() {
    let (client, counts) = start("2025-11-25").await;
    let mut waiting = client.call(1, "wait").await;
    let (id, priming) = waiting.event().await.unwrap();
    assert_eq!(priming, Value::Null);
    drop(waiting);
    let mut resumed = client.get(Some(&id)).await;
    assert!(resumed.is_silent().await);
    drop(resumed);
    counts.release.notify_one();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut resumed = client.get(Some(&id)).await;
    assert_eq!(resumed.event().await.unwrap().1["result"], json!({ "waited": true }));
    assert!(resumed.event().await.is_none());
    assert_eq!(counts.cancelled.load(Ordering::SeqCst), 0);
    drop(resumed);

    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(client.get(Some(&id)).await.status, 400, "it is stored for a minute");
    assert_eq!(client.get(Some("nonsense")).await.status, 400);
    assert_eq!(client.call(2, "echo").await.status, 200);
}

#[tokio::test]
async fn a_request_ends_when_it_is_cancelled_and_not_with_its_connection() {
    let (client, counts) = start("2025-06-18").await;
    let mut waiting = client.call(1, "wait").await;
    assert_eq!(client.call(1, "echo").await.status, 400, "the id is in flight");
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": { "requestId": 1 } });
    assert_eq!(client.post(&cancel).await.status, 202);
    assert!(waiting.event().await.is_none());
    until("it is cancelled", || counts.cancelled.load(Ordering::SeqCst) == 1).await;
    assert_eq!(client.call(1, "echo").await.status, 200, "the id is free");
}

#[tokio::test]
async fn batches_are_accepted_in_one_revision() {
    let batch = json!([
        request(1, "echo", json!({})),
        { "jsonrpc": "2.0", "method": "notifications/x" },
        request(2, "steps", json!({})),
    ]);
    let (client, _) = start("2025-03-26").await;
    let mut answer = client.post(&batch).await;
    let mut responses = Vec::new();
    while let Some((_, message)) = answer.event().await {
        responses.extend(message["id"].as_i64());
    }
    responses.sort_unstable();
    assert_eq!(responses, [1, 2]);
    let notifications = json!([{ "jsonrpc": "2.0", "method": "notifications/x" }]);
    assert_eq!(client.post(&notifications).await.status, 202);
    let (client, _) = start("2025-06-18").await;
    assert_eq!(client.post(&batch).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn abandoned_sessions_expire() {
    let (chatty, counts) = Chatty::new();
    let http = Http::new(chatty).session_timeout(Duration::from_secs(60)).max_sessions(1_000);
    for _ in 0..1_000 {
        Client::open(&http, "2025-06-18").await;
    }
    let initialize = request(0, "initialize", json!({ "protocolVersion": "2025-06-18" }));
    assert_eq!(post(&http, &[], &initialize).await.status, 503);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(http.sessions(), 1_000);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((http.sessions(), counts.closed.load(Ordering::SeqCst)), (0, 1_000));
    let client = Client::open(&http, "2025-06-18").await;
    let stream = client.get(None).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(http.sessions(), 1, "its stream is read");
    drop(stream);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(http.sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_close_does_not_delay_other_servers() {
    let (chatty, counts) = Chatty::new();
    let http = Http::new(chatty).session_timeout(Duration::from_secs(60));
    *counts.close_delay.lock().unwrap() = Duration::from_secs(10);
    for _ in 0..100 {
        Client::open(&http, "2025-06-18").await;
    }
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(counts.closed.load(Ordering::SeqCst), 100);
    for _ in 0..100 {
        Client::open(&http, "2025-06-18").await;
    }
    let start = tokio::time::Instant::now();
    http.close().await;
    assert_eq!(counts.closed.load(Ordering::SeqCst), 201);
    assert_eq!(start.elapsed(), Duration::from_secs(20), "all at once, then the shared one");
}

#[tokio::test]
async fn closing_ends_streams_and_servers() {
    let (client, counts) = start("2025-06-18").await;
    let mut stream = client.get(None).await;
    let mut waiting = client.call(1, "wait").await;
    client.http.close().await;
    assert!(stream.event().await.is_none() && waiting.event().await.is_none());
    assert_eq!(counts.closed.load(Ordering::SeqCst), 2, "that of the session, and the shared one");
    assert_eq!(client.call(2, "echo").await.status, 404);
}

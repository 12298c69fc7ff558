//! Trace context of sent messages.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mcp_core::Meta;
use mcp_session::{Handlers, ServerRequest, Session, SessionOptions};
use mcp_transport::TraceContext;
use serde_json::{Value, json};

use crate::{
    peer::{Peer, Reply, legacy, modern, result},
    recorder::Recorder,
};

fn parent(n: u64) -> String {
    format!("00-0af7651916cd43dd8448eb211c80319c-{n:016x}-01")
}

fn answers(request: &Value) -> Reply {
    match request["id"].is_null() {
        true => Reply::Nothing,
        false => result(request, json!({ "content": [], "resultType": "complete" })),
    }
}

async fn open(
    peer: &Peer,
    provider: impl Fn() -> Option<TraceContext> + Send + Sync + 'static,
) -> Session {
    let mut options = SessionOptions::default();
    options.trace_context = Some(Arc::new(provider));
    Session::open(peer.clone(), Some("bookshop"), options).await.unwrap()
}

/// Returns another parent each time.
fn counting() -> impl Fn() -> Option<TraceContext> + Send + Sync {
    let number = AtomicU64::new(0);
    move || {
        let number = number.fetch_add(1, Ordering::Relaxed) + 1;
        Some(TraceContext::new(parent(number)).with_tracestate("a=1").with_baggage("b=2"))
    }
}

async fn settle() {
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
}

fn meta(message: &Value) -> &Value {
    &message["params"]["_meta"]
}

#[tokio::test(start_paused = true)]
async fn every_message_has_the_current_trace_context() {
    for peer in [modern(answers), legacy(answers)] {
        let session = open(&peer, counting()).await;
        session.call_tool("find").arg("x", 1).await.unwrap();
        session.request("x/y", &()).await.unwrap();
        session.notify("notifications/mine", &json!({ "_meta": { "a/b": 1 } })).await.unwrap();
        settle().await;
        let received = peer.received();
        assert!(received.len() >= 4, "{received:?}");
        for (n, message) in (1..).zip(&received) {
            let meta = meta(message);
            assert_eq!(meta["traceparent"], parent(n), "{message}");
            assert_eq!((&meta["tracestate"], &meta["baggage"]), (&json!("a=1"), &json!("b=2")));
        }
        assert_eq!(meta(received.last().unwrap())["a/b"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_without_a_provider_or_a_trace() {
    for peer in [modern(answers), legacy(answers)] {
        let session = Session::open(peer.clone(), None, SessionOptions::default()).await.unwrap();
        session.call_tool("find").await.unwrap();
        let session = open(&peer, || None).await;
        session.call_tool("find").await.unwrap();
        session.roots_changed().await.unwrap();
        settle().await;
        let received = peer.received();
        assert!(received.iter().all(|it| meta(it)["traceparent"].is_null()), "{received:?}");
    }
    let peer = legacy(answers);
    open(&peer, || Some(TraceContext::default())).await.request("x/y", &()).await.unwrap();
    assert_eq!(peer.received().last().unwrap().get("params"), None);
}

#[tokio::test(start_paused = true)]
async fn the_meta_of_a_call_overrides_the_trace_context() {
    let peer = modern(answers);
    let session = open(&peer, counting()).await;
    let by_hand = Meta::new().with("traceparent", parent(99));
    session.call_tool("find").meta(by_hand).await.unwrap();
    let params = json!({ "_meta": { "baggage": "mine=1" }, "key": 1 });
    session.request("x/y", &params).await.unwrap();
    let [.., first, second] = &peer.received()[..] else { panic!() };
    assert_eq!(meta(first)["traceparent"], parent(99));
    assert_eq!(meta(first)["tracestate"], Value::Null);
    assert_eq!(meta(first)["baggage"], "b=2");
    assert_eq!(meta(second)["traceparent"], parent(3));
    assert_eq!(meta(second)["tracestate"], "a=1");
    assert_eq!(meta(second)["baggage"], "mine=1");
    assert_eq!(second["params"]["key"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_provider_fails_no_call_and_is_logged_once() {
    let (recorder, _guard) = Recorder::start();
    let peer = modern(answers);
    let session =
        open(&peer, || Some(TraceContext::new("secret\r\nx: y").with_baggage("b=2"))).await;
    session.call_tool("find").await.unwrap();
    session.call_tool("find").await.unwrap();
    let received = peer.received();
    let last = meta(received.last().unwrap());
    assert_eq!((&last["traceparent"], &last["baggage"]), (&Value::Null, &json!("b=2")));
    assert_eq!(recorder.events("trace context that cannot be sent"), 1);
    assert!(!recorder.text().contains("secret"));

    let session = open(&modern(answers), || panic!("out of order")).await;
    session.call_tool("find").await.unwrap();
    assert_eq!(recorder.events("trace context that cannot be sent"), 2);
}

#[tokio::test(start_paused = true)]
async fn the_provider_is_called_within_the_span_of_the_message() {
    let (recorder, _guard) = Recorder::start();
    let peer = legacy(answers);
    // The provider returns the id of the current span.
    let session = open(&peer, || {
        let id = tracing::Span::current().id()?.into_u64();
        Some(TraceContext::new(parent(id)))
    })
    .await;
    session.call_tool("find").await.unwrap();
    session.notify("notifications/mine", &()).await.unwrap();
    settle().await;
    let parents: Vec<_> =
        peer.received().iter().map(|it| meta(it)["traceparent"].clone()).collect();
    assert!(parents.iter().all(Value::is_string), "{parents:?}");
    // Registries reuse ids of closed spans with another generation.
    let mut different = parents.clone();
    different.dedup();
    assert_eq!(different, parents);
    assert_eq!(recorder.spans().len(), parents.len());
}

#[tokio::test(start_paused = true)]
async fn the_trace_context_of_a_server_reaches_the_handler() {
    let peer = legacy(|request| match request["method"].as_str() {
        Some("tools/call") => Reply::Lines(vec![
            json!({ "jsonrpc": "2.0", "id": 1, "method": "x/y",
                "params": { "_meta": { "traceparent": parent(7) } } }),
            json!({ "jsonrpc": "2.0", "id": request["id"], "result": { "content": [] } }),
        ]),
        _ => Reply::Nothing,
    });
    let mut options = SessionOptions::default();
    options.handlers = Handlers::new().on_request(
        |asked: mcp_session::ServerRequest<mcp_session::RawRequest>| async move {
            let ServerRequest { params, .. } = asked;
            params.params.unwrap()
        },
    );
    let session = Session::open(peer.clone(), None, options).await.unwrap();
    session.call_tool("find").await.unwrap();
    settle().await;
    let received = peer.received();
    let answer = received.iter().find(|it| it.get("result").is_some()).unwrap();
    assert_eq!(answer["result"]["_meta"]["traceparent"], parent(7));
}

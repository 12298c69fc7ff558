//! A session that lives longer than a runtime.

use std::{future::IntoFuture, time::Duration};

use futures_util::stream;
use mcp_core::{Message, RawJson, Response, SubscriptionFilter};
use mcp_session::{ErrorKind, Session, SessionOptions};
use mcp_transport::Exchange;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::{
    local::Local,
    peer::{Peer, Reply, result},
};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn calls_wait_in_one_runtime_after_the_other() {
    // Each answer takes a moment, so that the limits of the calls are waited for.
    let local = Local::new(|request| {
        let id = request.id.clone();
        let answer = async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(Message::from(Response::result(id, RawJson::trusted("{}"))))
        };
        Exchange::from_stream(request.id, stream::once(answer))
    });
    let session = runtime().block_on(local.open());
    for _ in 0..3 {
        let called = runtime().block_on(async { session.request("x/y", &()).await });
        assert!(called.is_ok());
    }
}

#[test]
fn a_subscription_whose_runtime_has_ended_does_not_seem_to_be_open() {
    let capabilities =
        json!({ "tools": { "listChanged": true }, "resources": { "subscribe": true } });
    for is_legacy in [true, false] {
        let script = |_, message: &serde_json::Value| match message["method"].as_str() {
            Some("subscriptions/listen") => Reply::acknowledge(message),
            _ => result(message, json!({})),
        };
        let peer = match is_legacy {
            true => Peer::legacy(capabilities.clone(), script),
            false => Peer::modern(capabilities.clone(), script),
        };
        let first = runtime();
        let (session, mut changes) = first.block_on(async {
            let session = Session::open(peer, None, SessionOptions::default()).await.unwrap();
            let filter = SubscriptionFilter::new()
                .with_tools_list_changed(true)
                .with_resource_subscriptions(vec!["x:a".to_owned()]);
            let changes = session.subscribe(filter).await.unwrap();
            (session, changes)
        });
        drop(first);
        let next = runtime().block_on(changes.next());
        let error = next.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        drop(session);
    }
}

#[test]
fn a_subscription_that_was_not_opened_in_one_runtime_is_opened_in_the_next() {
    let peer = Peer::legacy(json!({ "resources": { "subscribe": true } }), |_, message| {
        result(message, json!({}))
    });
    let lasting = runtime();
    let session = lasting.block_on(Session::open(peer, None, SessionOptions::default())).unwrap();
    let filter = SubscriptionFilter::new().with_resource_subscriptions(vec!["x:a".to_owned()]);
    // The task of its subscriptions has no turn in this one.
    let given_up = runtime().block_on(async {
        let opening = session.subscribe(filter.clone()).into_future();
        tokio::time::timeout(Duration::ZERO, opening).await
    });
    assert!(given_up.is_err());
    let changes = lasting.block_on(async { session.subscribe(filter.clone()).await }).unwrap();
    assert_eq!(changes.acknowledged(), filter);
}

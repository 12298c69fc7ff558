//! Sessions that outlive a runtime.

use std::{
    future::IntoFuture,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::stream;
use mcp_core::{Message, Notification, RawJson, Request, Response, SubscriptionFilter};
use mcp_session::{ErrorKind, Session, SessionOptions};
use mcp_transport::{Exchange, Inbound, Limits};
use mcp_transport_memory::Memory;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::{
    local::{Local, answered},
    peer::{Peer, Reply, result},
};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn calls_wait_in_successive_runtimes() {
    // Each response takes a moment, so that calls wait on their timers.
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
    // The subscription task is never polled in this runtime.
    let given_up = runtime().block_on(async {
        let opening = session.subscribe(filter.clone()).into_future();
        tokio::time::timeout(Duration::ZERO, opening).await
    });
    assert!(given_up.is_err());
    let changes = lasting.block_on(async { session.subscribe(filter.clone()).await }).unwrap();
    assert_eq!(changes.acknowledged(), filter);
}

#[test]
fn a_session_whose_connection_ended_with_its_runtime_is_closed() {
    let modern = Peer::modern(json!({}), |_, message| result(message, json!({})));
    let legacy = Peer::legacy(json!({}), |_, message| result(message, json!({})));
    for peer in [modern, legacy] {
        let first = runtime();
        let session = first.block_on(Session::open(peer, None, SessionOptions::default())).unwrap();
        assert!(!session.is_closed());
        drop(first);
        // Also outside a runtime, and without a call.
        assert!(session.is_closed());
        let reason = runtime().block_on(session.closed());
        assert_eq!(reason.kind(), ErrorKind::Closed, "{reason}");
    }
}

#[test]
fn messages_outside_of_calls_are_read_in_the_next_runtime() {
    let (sender, inbound) = Inbound::channel(&Limits::default());
    let local = Local::new(|request: Request| answered(request.id, &json!({}))).sending(inbound);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mut options = SessionOptions::default();
    let hearing = Arc::clone(&heard);
    options.on_notification = Some(Arc::new(move |notification| {
        hearing.lock().unwrap().push(notification.method.clone().into_owned());
    }));
    let session = runtime().block_on(Session::open(Memory::new(local), None, options)).unwrap();
    let say = |method: &'static str| sender.push(Notification::new(method).into()).unwrap();
    // Without any runtime, it waits.
    say("x/between");
    for (number, method) in ["x/second", "x/third"].into_iter().enumerate() {
        runtime().block_on(async {
            session.request("x/y", &()).await.unwrap();
            say(method);
            let heard_all = || heard.lock().unwrap().len() == number + 2;
            mcp_testkit::until("the notifications", heard_all).await;
        });
    }
    assert_eq!(*heard.lock().unwrap(), ["x/between", "x/second", "x/third"]);
    assert!(!session.is_closed());
}

//! Subscriptions: one stream of events for both eras.

use std::{future::IntoFuture, sync::Mutex, time::Duration};

use mcp_core::SubscriptionFilter;
use mcp_session::{Error, ErrorKind, Event, Session, SessionOptions, Subscribe, Subscription};
use mcp_transport::{Backoff, restart::Restart};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::peer::{Peer, Reply, discover, error, legacy, modern, peer, result};

const ID: &str = "io.modelcontextprotocol/subscriptionId";

fn tools_and(uris: &[&str]) -> SubscriptionFilter {
    let uris = uris.iter().map(|uri| (*uri).to_owned()).collect::<Vec<_>>();
    SubscriptionFilter::new().with_tools_list_changed(true).with_resource_subscriptions(uris)
}

async fn open(peer: &Peer) -> Session {
    Session::open(peer.clone(), Some("bookshop"), SessionOptions::default()).await.unwrap()
}

fn notification(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": format!("notifications/{method}"), "params": params })
}

fn acknowledged(id: &Value, filter: &Value) -> Value {
    let params = json!({ "_meta": { ID: id }, "notifications": filter });
    notification("subscriptions/acknowledged", params)
}

fn tools_changed(id: &Value) -> Value {
    notification("tools/list_changed", json!({ "_meta": { ID: id } }))
}

fn updated(id: &Value, uri: &str) -> Value {
    notification("resources/updated", json!({ "_meta": { ID: id }, "uri": uri }))
}

/// A modern server that acknowledges everything, and at a call sends the messages of `says` to its last subscription.
fn server(says: impl Fn(&str, &Value) -> Vec<Value> + Send + Sync + 'static) -> Peer {
    let last = Mutex::new(Value::Null);
    modern(move |message| match message["method"].as_str() {
        Some("subscriptions/listen") => {
            *last.lock().unwrap() = message["id"].clone();
            let filter = &message["params"]["notifications"];
            Reply::Lines(vec![acknowledged(&message["id"], filter)])
        }
        Some("tools/call") => {
            let name = message["params"]["name"].as_str().unwrap();
            let mut lines = says(name, &last.lock().unwrap());
            let done = json!({ "content": [], "resultType": "complete" });
            lines.push(json!({ "jsonrpc": "2.0", "id": message["id"], "result": done }));
            Reply::Lines(lines)
        }
        _ => Reply::Nothing,
    })
}

/// The next event in short form.
async fn next(changes: &mut Subscription) -> String {
    let next = timeout(Duration::from_secs(600), changes.next()).await;
    match next.expect("it says nothing") {
        Some(Ok(Event::ToolsListChanged)) => "tools".to_owned(),
        Some(Ok(Event::ResourceUpdated { uri })) => uri,
        Some(Ok(Event::Lagged { missed })) => format!("{missed} missed"),
        Some(Ok(Event::Resync)) => "resync".to_owned(),
        Some(Ok(Event::Other(other))) => other.method.into_owned(),
        Some(Ok(other)) => format!("{other:?}"),
        Some(Err(error)) => format!("{:?}", error.kind()),
        None => "end".to_owned(),
    }
}

async fn is_silent(changes: &mut Subscription) -> bool {
    timeout(Duration::from_secs(5), changes.next()).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn repeated_changes_are_merged_until_they_are_read() {
    let peer = server(|_, id| {
        let other = json!("another");
        vec![
            tools_changed(id),
            updated(id, "file:///a"),
            tools_changed(id),
            updated(id, "file:///a"),
            updated(id, "file:///b"),
            tools_changed(&other),
            notification("prompts/list_changed", json!({ "_meta": { ID: id } })),
            notification("extension/changed", json!({ "_meta": { ID: id } })),
        ]
    });
    let session = open(&peer).await;
    let mut changes = session.subscribe(tools_and(&["file:///a"])).await.unwrap();
    assert_eq!(changes.acknowledged(), tools_and(&["file:///a"]));
    session.call_tool("x").await.unwrap();
    assert_eq!(next(&mut changes).await, "tools");
    assert_eq!(next(&mut changes).await, "file:///a");
    assert_eq!(next(&mut changes).await, "file:///b", "it may be below one that was asked for");
    assert!(is_silent(&mut changes).await, "nobody asked for the rest");
    session.call_tool("x").await.unwrap();
    assert_eq!(next(&mut changes).await, "tools");
}

#[tokio::test(start_paused = true)]
async fn unread_events_are_dropped_and_counted() {
    let peer = server(|_, id| (0..10).map(|n| updated(id, &format!("file:///{n}"))).collect());
    let session = open(&peer).await;
    let mut changes = session.subscribe(tools_and(&["file:///"])).backlog(3).await.unwrap();
    session.call_tool("x").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seen = [next(&mut changes).await, next(&mut changes).await, next(&mut changes).await];
    assert_eq!(seen, ["7 missed", "file:///7", "file:///8"]);
    assert_eq!(next(&mut changes).await, "file:///9");
    assert!(is_silent(&mut changes).await);
}

#[tokio::test(start_paused = true)]
async fn a_graceful_end_differs_from_a_loss() {
    let peer = server(|name, id| match name {
        "end" => vec![
            tools_changed(id),
            json!({ "jsonrpc": "2.0", "id": id, "result": { "resultType": "complete" } }),
        ],
        "cancel" => vec![notification("cancelled", json!({ "requestId": id }))],
        _ => vec![json!({ "jsonrpc": "2.0", "id": id,
            "error": { "code": -32603, "message": "no more" } })],
    });
    let session = open(&peer).await;
    for (call, expected) in
        [("end", &["tools", "end"][..]), ("cancel", &["end"]), ("fail", &["Answer", "end"])]
    {
        let mut changes = session.subscribe(tools_and(&[])).await.unwrap();
        session.call_tool(call).await.unwrap();
        for expected in expected {
            assert_eq!(next(&mut changes).await, *expected, "{call}");
        }
        assert_eq!(next(&mut changes).await, "end", "{call}: for good");
    }

    let peer = modern(|message| match message["method"].as_str() {
        Some("subscriptions/listen") => {
            Reply::Lines(vec![acknowledged(&message["id"], &json!({}))])
        }
        _ => Reply::Close,
    });
    let session = open(&peer).await;
    let mut changes = session.subscribe(tools_and(&["x:a"])).await.unwrap();
    assert_eq!(changes.acknowledged(), SubscriptionFilter::default(), "it tells of nothing");
    session.call_tool("die").await.unwrap_err();
    assert_eq!(next(&mut changes).await, "Closed");
    assert_eq!(next(&mut changes).await, "end");
}

#[tokio::test(start_paused = true)]
async fn a_resubscription_reports_a_resync() {
    let peer = server(|_, id| {
        vec![json!({ "jsonrpc": "2.0", "id": id, "result": { "resultType": "complete" } })]
    });
    let session = open(&peer).await;
    let backoff = Subscribe::BACKOFF;
    let mut changes = session.subscribe(tools_and(&[])).resubscribe(backoff).await.unwrap();
    for attempt in 0..3 {
        let start = Instant::now();
        session.call_tool("end").await.unwrap();
        assert_eq!(next(&mut changes).await, "resync");
        let full = backoff.first * 2_u32.pow(attempt);
        let wait = start.elapsed();
        assert!(wait >= full / 2 && wait <= full + Duration::from_millis(2), "{attempt} {wait:?}");
    }
    drop(changes);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let methods = peer.methods();
    assert_eq!(methods.iter().filter(|method| *method == "subscriptions/listen").count(), 4);
    let last = peer.received().pop().unwrap();
    assert_eq!(last["method"], "notifications/cancelled", "dropping it tells the server");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_survives_a_restarted_process() {
    let mortal = peer(|number, message| match message["method"].as_str() {
        Some("server/discover") => discover(message, &["2026-07-28"]),
        Some("subscriptions/listen") => {
            let id = &message["id"];
            let mut lines = vec![acknowledged(id, &message["params"]["notifications"])];
            lines.extend((number > 0).then(|| tools_changed(id)));
            Reply::Lines(lines)
        }
        _ => Reply::Close,
    });
    let restart = Restart::new(mortal.clone(), Restart::BACKOFF);
    let session = Session::open(restart, None, SessionOptions::default()).await.unwrap();
    let backoff = Subscribe::BACKOFF;
    let mut changes = session.subscribe(tools_and(&[])).resubscribe(backoff).await.unwrap();
    session.call_tool("die").await.unwrap_err();
    let seen = [next(&mut changes).await, next(&mut changes).await];
    assert!(seen.contains(&"resync".to_owned()) && seen.contains(&"tools".to_owned()), "{seen:?}");
    assert_eq!(mortal.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_or_unanswered_subscription_is_an_error_in_time() {
    let refusing = modern(|message| error(message, json!({ "code": -32601, "message": "what?" })));
    let session = open(&refusing).await;
    let failure: Error = session.subscribe(tools_and(&[])).await.unwrap_err();
    assert_eq!(failure.answer().unwrap().code, -32601);
    assert!(failure.to_string().starts_with("bookshop: subscriptions/listen: "), "{failure}");

    let silent = modern(|_| Reply::Nothing);
    let session = open(&silent).await;
    let start = Instant::now();
    let failure = session.subscribe(tools_and(&[])).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Timeout, "{failure}");
    assert_eq!(start.elapsed(), Duration::from_secs(30));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(silent.methods().last().unwrap(), "notifications/cancelled");

    let early = modern(|message| {
        result(message, json!({ "resultType": "complete", "_meta": { ID: message["id"] } }))
    });
    let failure = open(&early).await.subscribe(tools_and(&[])).await.unwrap_err();
    assert!(failure.to_string().contains("before it acknowledged"), "{failure}");
}

/// A legacy server that sends notifications at a call, and knows the resources a and b.
fn old(changes: impl Fn(&str) -> Vec<Value> + Send + Sync + 'static) -> Peer {
    slow(Duration::ZERO, changes)
}

/// The same, with slow responses to subscriptions.
fn slow(delay: Duration, changes: impl Fn(&str) -> Vec<Value> + Send + Sync + 'static) -> Peer {
    let capabilities = json!({
        "tools": { "listChanged": true },
        "resources": { "subscribe": true },
    });
    Peer::legacy(capabilities, move |_, message| match message["method"].as_str() {
        Some("resources/subscribe" | "resources/unsubscribe") => {
            let reply = match message["params"]["uri"].as_str() {
                Some("x:a" | "x:b") => result(message, json!({})),
                _ => error(message, json!({ "code": -32002, "message": "no such thing" })),
            };
            Reply::Later(delay, Box::new(reply))
        }
        Some("ping") => result(message, json!({})),
        Some("tools/call") => {
            let mut lines = changes(message["params"]["name"].as_str().unwrap());
            lines.push(json!({ "jsonrpc": "2.0", "id": message["id"],
                "result": { "content": [] } }));
            Reply::Lines(lines)
        }
        _ => Reply::Nothing,
    })
}

fn sent(peer: &Peer, method: &str) -> Vec<String> {
    let received = peer.received();
    let of = received.iter().filter(|message| message["method"] == method);
    of.map(|message| message["params"]["uri"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn legacy_servers_yield_the_same_stream() {
    let peer = old(|_| {
        vec![
            notification("tools/list_changed", json!({})),
            notification("prompts/list_changed", json!({})),
            notification("resources/updated", json!({ "uri": "x:a" })),
            notification("resources/updated", json!({ "uri": "x:a" })),
        ]
    });
    let session = open(&peer).await;
    let filter = tools_and(&["x:a", "x:b", "x:unknown"]).with_resources_list_changed(true);
    let mut changes = session.subscribe(filter).await.unwrap();
    assert_eq!(changes.acknowledged(), tools_and(&["x:a", "x:b"]));
    let mut second = session.subscribe(tools_and(&["x:a"])).await.unwrap();
    assert_eq!(sent(&peer, "resources/subscribe"), ["x:a", "x:b", "x:unknown"], "each once");
    session.call_tool("x").await.unwrap();
    for changes in [&mut changes, &mut second] {
        assert_eq!([next(changes).await, next(changes).await], ["tools", "x:a"]);
        assert!(is_silent(changes).await);
    }
    drop(changes);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sent(&peer, "resources/unsubscribe"), ["x:b"], "the other is wanted still");
    drop(second);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sent(&peer, "resources/unsubscribe"), ["x:b", "x:a"]);
    session.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_legacy_session_ends_its_subscriptions() {
    let peer = legacy(|_| Reply::Close);
    let session = open(&peer).await;
    let backoff = Subscribe::BACKOFF;
    let mut changes = session.subscribe(tools_and(&["x:a"])).resubscribe(backoff).await.unwrap();
    assert_eq!(changes.acknowledged(), SubscriptionFilter::default(), "the server offers neither");
    session.call_tool("die").await.unwrap_err();
    assert_eq!(next(&mut changes).await, "Closed");
    assert_eq!(next(&mut changes).await, "end");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_dropped_while_opening_is_unsubscribed() {
    let peer = slow(Duration::from_secs(5), |_| Vec::new());
    let session = open(&peer).await;
    let opening = session.subscribe(tools_and(&["x:a"])).into_future();
    assert!(timeout(Duration::from_secs(1), opening).await.is_err());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(sent(&peer, "resources/subscribe"), ["x:a"]);
    assert_eq!(sent(&peer, "resources/unsubscribe"), ["x:a"]);

    // Dropped before the request is sent: nothing was sent.
    let opening = session.subscribe(tools_and(&["x:b"])).into_future();
    assert!(timeout(Duration::ZERO, opening).await.is_err());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(sent(&peer, "resources/subscribe"), ["x:a"]);
}

#[tokio::test(start_paused = true)]
async fn legacy_subscriptions_receive_only_their_resources() {
    let peer = old(|uri| vec![notification("resources/updated", json!({ "uri": uri }))]);
    let session = open(&peer).await;
    let only = |uri: &str| SubscriptionFilter::new().with_resource_subscriptions(vec![uri.into()]);
    let mut one = session.subscribe(only("x:a")).await.unwrap();
    let mut two = session.subscribe(only("x:b")).await.unwrap();
    for uri in ["x:b", "x:a/part", "x:c"] {
        session.call_tool(uri).await.unwrap();
    }
    // A resource named by no subscription may be part of any.
    assert_eq!([next(&mut one).await, next(&mut one).await], ["x:a/part", "x:c"]);
    assert_eq!([next(&mut two).await, next(&mut two).await], ["x:b", "x:c"]);
    assert!(is_silent(&mut one).await && is_silent(&mut two).await);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_logs_over_a_pipe_displaces_no_event() {
    let peer = old(|uri| {
        let log = |n: u32| notification("message", json!({ "level": "info", "data": n }));
        let mut lines: Vec<_> = (0..5_000).map(log).collect();
        lines.push(notification("resources/updated", json!({ "uri": uri })));
        lines
    });
    let session = open(&peer).await;
    let only = SubscriptionFilter::new().with_resource_subscriptions(vec!["x:a".into()]);
    let mut changes = session.subscribe(only).await.unwrap();
    for _ in 0..2 {
        // The subscription is not read in the meantime.
        session.call_tool("x:a").await.unwrap();
        assert_eq!(next(&mut changes).await, "x:a");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endlessly_repeated_change_is_one_event() {
    let server = server(|_, id| vec![tools_changed(id); 20_000]);
    let session = open(&server).await;
    let mut changes = session.subscribe(tools_and(&[])).await.unwrap();
    session.call_tool("x").await.unwrap();
    assert_eq!(next(&mut changes).await, "tools");
    session.call_tool("x").await.unwrap();
    assert_eq!(next(&mut changes).await, "tools");
}

#[tokio::test(start_paused = true)]
async fn a_silent_legacy_server_is_an_error_in_time() {
    let capabilities = json!({ "resources": { "subscribe": true } });
    let silent = Peer::legacy(capabilities, |_, message| match message["method"].as_str() {
        Some("resources/subscribe") if message["params"]["uri"] == "x:0" => {
            result(message, json!({}))
        }
        _ => Reply::Nothing,
    });
    let session = open(&silent).await;
    let uris: Vec<_> = (0..160).map(|n| format!("x:{n}")).collect();
    let filter = SubscriptionFilter::new().with_resource_subscriptions(uris);
    let start = Instant::now();
    // Timeouts of concurrent subscriptions do not add up.
    let failures = tokio::join!(
        session.subscribe(filter.clone()).into_future(),
        session.subscribe(filter.clone()).into_future(),
        session.subscribe(filter).into_future(),
    );
    for failure in [failures.0, failures.1, failures.2].map(Result::unwrap_err) {
        assert_eq!(failure.kind(), ErrorKind::Timeout, "{failure}");
    }
    assert_eq!(start.elapsed(), Duration::from_secs(30));
    tokio::time::sleep(Duration::from_secs(120)).await;
    let unsubscribed = sent(&silent, "resources/unsubscribe");
    assert!(unsubscribed.contains(&"x:0".to_owned()), "what it took is taken back");
}

#[tokio::test(start_paused = true)]
async fn a_restarting_server_is_retried() {
    let asked = Mutex::new(0);
    let peer = modern(move |message| {
        if message["method"] != "subscriptions/listen" {
            return Reply::Nothing;
        }
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        let (id, filter) = (&message["id"], &message["params"]["notifications"]);
        let over = json!({ "jsonrpc": "2.0", "id": id, "result": { "resultType": "complete" } });
        match *asked {
            1 => Reply::Lines(vec![acknowledged(id, filter), over]),
            2 | 3 => error(message, json!({ "code": -32603, "message": "restarting" })),
            4 => Reply::Lines(vec![acknowledged(id, filter), over]),
            _ => error(message, json!({ "code": -32601, "message": "gone for good" })),
        }
    });
    let session = open(&peer).await;
    let backoff = Subscribe::BACKOFF;
    let mut changes = session.subscribe(tools_and(&[])).resubscribe(backoff).await.unwrap();
    assert_eq!(next(&mut changes).await, "resync");
    assert_eq!([next(&mut changes).await, next(&mut changes).await], ["Unsupported", "end"]);
}

#[tokio::test(start_paused = true)]
async fn closing_the_session_interrupts_the_retry_delay() {
    let peer = server(|_, id| {
        vec![json!({ "jsonrpc": "2.0", "id": id, "result": { "resultType": "complete" } })]
    });
    let session = open(&peer).await;
    let backoff = Backoff::new(Duration::from_secs(300), Duration::from_secs(300));
    let mut changes = session.subscribe(tools_and(&[])).resubscribe(backoff).await.unwrap();
    session.call_tool("end").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    session.close().await.unwrap();
    assert_eq!([next(&mut changes).await, next(&mut changes).await], ["Closed", "end"]);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_backlog_is_limited_in_bytes() {
    let peer = server(|_, id| {
        (0..10).map(|n| updated(id, &format!("file:///{}{n}", "x".repeat(300_000)))).collect()
    });
    let session = open(&peer).await;
    let mut changes = session.subscribe(tools_and(&["file:///"])).await.unwrap();
    session.call_tool("x").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(next(&mut changes).await, "7 missed");
    for n in 7..10 {
        assert!(next(&mut changes).await.ends_with(&format!("x{n}")));
    }
    assert!(is_silent(&mut changes).await);
}

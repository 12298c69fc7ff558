use std::{collections::BTreeSet, time::Duration};

use mcp_core::{Message, RawJson, Request, SubscriptionFilter};
use mcp_group::{Backend, Group};
use mcp_session::{EraPolicy, ErrorKind, Subscribe};
use mcp_testkit::scripted::{Peer, Reply, notification};
use mcp_transport::{Connect, Connection, Envelope, Exchange, Transport};
use mcp_transport_memory::Memory;
use serde_json::{Value, json};

use crate::fixture::{backend, names, open, open_legacy, open_receiving, until};

const TOOLS_CHANGED: &str = "notifications/tools/list_changed";
const UPDATED: &str = "notifications/resources/updated";

fn capabilities() -> Value {
    json!({ "tools": { "listChanged": true }, "resources": { "subscribe": true } })
}

fn answers(message: &Value) -> Reply {
    match message["method"].as_str() {
        Some("tools/list") => Reply::tools(message, &["t"]),
        Some("subscriptions/listen") => Reply::acknowledge(message),
        Some("resources/subscribe") if message["params"]["uri"] == "x://secret" => {
            Reply::error(message, -32000, "not this one")
        }
        Some("resources/subscribe" | "resources/unsubscribe") => Reply::result(message, json!({})),
        _ => Reply::Nothing,
    }
}

/// A modern and a legacy server.
fn two() -> (Group, Peer, Peer) {
    let new = Peer::modern(capabilities(), |_, message| answers(message));
    let old = Peer::legacy(capabilities(), |_, message| answers(message));
    let group = Group::builder()
        .backend(Backend::new("new", new.clone()))
        .backend(Backend::new("old", old.clone()))
        .build();
    (group, new, old)
}

fn filters(peer: &Peer) -> Vec<Value> {
    let asked = peer.asked("subscriptions/listen").into_iter();
    asked.map(|message| message["params"]["notifications"].clone()).collect()
}

/// Sends an update from a server: to the latest subscription that covers it, or else to the latest of all.
fn updated(peer: &Peer, uri: &str) {
    let mut params = json!({ "uri": uri });
    let listens = peer.asked("subscriptions/listen");
    let covers = |listen: &&Value| {
        let filter = &listen["params"]["notifications"];
        serde_json::from_value::<SubscriptionFilter>(filter.clone()).unwrap().covers(uri)
    };
    if let Some(listen) = listens.iter().rfind(covers).or(listens.last()) {
        params["_meta"] = json!({ "io.modelcontextprotocol/subscriptionId": listen["id"] });
    }
    peer.say(notification(UPDATED, params));
}

async fn listen(group: &Group, id: &'static str, filter: Value) -> (Exchange, impl Sized) {
    let Connection { transport, inbound, .. } = Memory::new(group.clone()).connect().await.unwrap();
    let params = json!({
        "notifications": filter,
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    });
    let request = Request::new(id, "subscriptions/listen")
        .with_params(RawJson::from_serialize(&params).unwrap());
    let exchange = transport.request(Envelope::new(request)).await.unwrap();
    (exchange, (transport, inbound))
}

/// The next message, without the subscription id.
async fn next(exchange: &mut Exchange, id: &str) -> (String, Value) {
    match exchange.next().await.unwrap().unwrap() {
        Message::Notification(notification) => {
            let mut params: Value = notification.params.unwrap().decode().unwrap();
            assert_eq!(params["_meta"]["io.modelcontextprotocol/subscriptionId"], id);
            params.as_object_mut().unwrap().remove("_meta");
            (notification.method.into_owned(), params)
        }
        Message::Response(response) => {
            ("response".to_owned(), response.outcome.unwrap().decode().unwrap())
        }
        Message::Request(request) => panic!("{request:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn server_changes_are_reported_and_routed() {
    let (group, new, old) = two();
    let (session, received) = open_receiving(&group, EraPolicy::Auto).await;
    assert_eq!(names(&session).await, ["new_t", "old_t"]);
    until(|| filters(&new).len() == 1).await;
    assert_eq!(filters(&new)[0], json!({ "toolsListChanged": true }));
    let id = &new.asked("subscriptions/listen")[0]["id"];
    let meta = json!({ "_meta": { "io.modelcontextprotocol/subscriptionId": id } });
    new.say(notification(TOOLS_CHANGED, meta));
    received.wait(TOOLS_CHANGED, 1).await;
    // The list has been read again by then.
    assert_eq!(new.asked("tools/list").len(), 2);
    old.say(notification(TOOLS_CHANGED, json!({})));
    received.wait(TOOLS_CHANGED, 2).await;
    assert_eq!((new.asked("tools/list").len(), old.asked("tools/list").len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_listener_gets_requested_events_and_an_acknowledgement() {
    let (group, new, old) = two();
    let _open = open(&group).await;
    let filter = json!({
        "toolsListChanged": true,
        "resourceSubscriptions": ["x://new/1", "x://old/1", "x://old/secret", "x://nobody/1"],
    });
    let (mut one, _one) = listen(&group, "one", filter).await;
    let (method, honoured) = next(&mut one, "one").await;
    assert_eq!(method, "notifications/subscriptions/acknowledged");
    assert_eq!(
        honoured["notifications"],
        json!({ "toolsListChanged": true, "resourceSubscriptions": ["x://new/1", "x://old/1"] })
    );
    // By then the servers have received the filter.
    assert_eq!(filters(&new).last().unwrap()["resourceSubscriptions"], json!(["x://1"]));
    let subscribed: BTreeSet<String> = old
        .asked("resources/subscribe")
        .iter()
        .map(|message| message["params"]["uri"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(subscribed, BTreeSet::from(["x://1".to_owned(), "x://secret".to_owned()]));

    let (mut two, _two) =
        listen(&group, "two", json!({ "resourceSubscriptions": ["x://new/2"] })).await;
    next(&mut two, "two").await;
    // Each has a separate subscription at the server.
    assert_eq!(filters(&new).last().unwrap()["resourceSubscriptions"], json!(["x://2"]));
    assert_eq!(new.asked("notifications/cancelled").len(), 0);

    updated(&new, "x://1");
    updated(&new, "x://2/part");
    old.say(notification(TOOLS_CHANGED, json!({})));
    assert_eq!(next(&mut one, "one").await, (UPDATED.to_owned(), json!({ "uri": "x://new/1" })));
    assert_eq!(next(&mut one, "one").await, (TOOLS_CHANGED.to_owned(), json!({})));
    assert_eq!(
        next(&mut two, "two").await,
        (UPDATED.to_owned(), json!({ "uri": "x://new/2/part" }))
    );

    drop(one);
    until(|| old.asked("resources/unsubscribe").len() == 1).await;
    until(|| new.asked("notifications/cancelled").len() == 1).await;
    let ended = &new.asked("notifications/cancelled")[0]["params"]["requestId"];
    let of_one = |message: &Value| {
        message["params"]["notifications"]["resourceSubscriptions"] == json!(["x://1"])
    };
    assert!(new.asked("subscriptions/listen").iter().any(|it| of_one(it) && it["id"] == *ended));
    // Closing the group ends the subscription gracefully.
    group.close().await.unwrap();
    let (_, result) = next(&mut two, "two").await;
    assert_eq!(result["_meta"]["io.modelcontextprotocol/subscriptionId"], "two");
    assert!(two.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn legacy_clients_subscribe_to_single_resources() {
    let (group, new, old) = two();
    let (session, received) = open_receiving(&group, EraPolicy::Legacy).await;
    let other = open_receiving(&group, EraPolicy::Legacy).await;
    for (peer, uri, own) in [(&new, "x://new/1", "x://1"), (&old, "x://old/1", "x://1")] {
        let params = json!({ "uri": uri });
        session.request("resources/subscribe", &params).await.unwrap();
        let before = received.count(UPDATED);
        updated(peer, own);
        received.wait(UPDATED, before + 1).await;
        assert_eq!(received.params(UPDATED)[before]["uri"], uri);
        session.request("resources/unsubscribe", &params).await.unwrap();
    }
    until(|| old.asked("resources/unsubscribe").len() == 1).await;
    assert_eq!(other.1.count(UPDATED), 0);
    let error = session.request("resources/subscribe", &json!({ "uri": "x://old/secret" })).await;
    assert_eq!(error.unwrap_err().answer().unwrap().message, "not this one");
    let error = session.request("resources/subscribe", &json!({ "uri": "x://nobody/1" })).await;
    assert_eq!(error.unwrap_err().answer().unwrap().code, -32002);
    let group = Group::builder().backend(backend("a")).backend(backend("b")).build();
    let session = open_legacy(&group).await;
    let error = session.request("resources/subscribe", &json!({ "uri": "a://a/hours" })).await;
    assert_eq!(error.unwrap_err().answer().unwrap().code, -32601);
}

#[tokio::test(start_paused = true)]
async fn subscriptions_outlive_the_connection_of_their_server() {
    let (group, new, old) = two();
    let (session, received) = open_receiving(&group, EraPolicy::Legacy).await;
    for uri in ["x://new/1", "x://old/1"] {
        session.request("resources/subscribe", &json!({ "uri": uri })).await.unwrap();
    }
    let (listens, subscribes) = (filters(&new).len(), old.asked("resources/subscribe").len());
    new.exit();
    old.exit();
    until(|| filters(&new).len() > listens).await;
    until(|| old.asked("resources/subscribe").len() > subscribes).await;
    assert_eq!(filters(&new).last().unwrap()["resourceSubscriptions"], json!(["x://1"]));
    updated(&new, "x://1");
    updated(&old, "x://1");
    received.wait(UPDATED, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_without_subscriptions_is_not_asked() {
    let new = Peer::modern(json!({ "resources": {} }), |_, message| answers(message));
    let group =
        Group::builder().backend(Backend::new("new", new.clone())).backend(backend("a")).build();
    let filter = json!({ "resourceSubscriptions": ["x://new/1"], "toolsListChanged": true });
    let (mut one, _one) = listen(&group, "one", filter).await;
    let (_, acknowledged) = next(&mut one, "one").await;
    let honoured = json!({ "resourceSubscriptions": [], "toolsListChanged": true });
    assert_eq!(acknowledged["notifications"], honoured);
    assert_eq!(new.asked("subscriptions/listen").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn unsubscribing_does_not_affect_other_clients() {
    let (group, _new, old) = two();
    let (one, received_by_one) = open_receiving(&group, EraPolicy::Legacy).await;
    let (two, received_by_two) = open_receiving(&group, EraPolicy::Legacy).await;
    let params = json!({ "uri": "x://old/1" });
    for session in [&one, &two] {
        session.request("resources/subscribe", &params).await.unwrap();
    }
    // The session with the server shares equal subscriptions.
    assert_eq!(old.asked("resources/subscribe").len(), 1);
    updated(&old, "x://1");
    received_by_one.wait(UPDATED, 1).await;
    received_by_two.wait(UPDATED, 1).await;
    one.request("resources/unsubscribe", &params).await.unwrap();
    updated(&old, "x://1");
    received_by_two.wait(UPDATED, 2).await;
    assert_eq!((received_by_one.count(UPDATED), old.asked("resources/unsubscribe").len()), (1, 0));
    two.request("resources/unsubscribe", &params).await.unwrap();
    until(|| old.asked("resources/unsubscribe").len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_unsolicited_update_reaches_each_client_once() {
    let (group, _new, old) = two();
    let (session, received) = open_receiving(&group, EraPolicy::Legacy).await;
    let (_other, received_by_other) = open_receiving(&group, EraPolicy::Auto).await;
    session.request("resources/subscribe", &json!({ "uri": "x://old/1" })).await.unwrap();
    updated(&old, "y://2");
    updated(&old, "x://1");
    received.wait(UPDATED, 2).await;
    let mut uris: Vec<Value> =
        received.params(UPDATED).into_iter().map(|params| params["uri"].clone()).collect();
    uris.sort_by_key(ToString::to_string);
    assert_eq!(uris, ["x://old/1", "y://old/2"]);
    assert_eq!(received_by_other.params(UPDATED), [json!({ "uri": "y://old/2" })]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_subscription_is_reported_to_the_client() {
    let new = Peer::modern(capabilities(), |_, message| {
        let uris = &message["params"]["notifications"]["resourceSubscriptions"];
        match uris == &json!(["x://secret"]) {
            true => Reply::error(message, -32602, "not this one"),
            false => answers(message),
        }
    });
    let group =
        Group::builder().backend(Backend::new("new", new.clone())).backend(backend("a")).build();
    let (session, received) = open_receiving(&group, EraPolicy::Legacy).await;
    let subscribe = |uri| session.request("resources/subscribe", &json!({ "uri": uri }));
    subscribe("x://new/1").await.unwrap();
    let error = subscribe("x://new/secret").await.unwrap_err();
    assert_eq!(error.answer().unwrap().message, "not this one");
    updated(&new, "x://1");
    received.wait(UPDATED, 1).await;
}

#[tokio::test(start_paused = true)]
async fn updates_missed_in_a_restart_are_reported_once() {
    let (group, new, old) = two();
    let (session, received) = open_receiving(&group, EraPolicy::Legacy).await;
    for uri in ["x://new/1", "x://old/1"] {
        session.request("resources/subscribe", &json!({ "uri": uri })).await.unwrap();
    }
    let filter = json!({ "resourceSubscriptions": ["x://new/2", "x://old/2"] });
    let (mut one, _one) = listen(&group, "one", filter).await;
    next(&mut one, "one").await;
    group.restart("new").await.unwrap();
    old.exit();
    let mut missed = BTreeSet::new();
    for _ in 0..2 {
        let (method, params) = next(&mut one, "one").await;
        assert_eq!(method, UPDATED);
        missed.insert(params["uri"].as_str().unwrap().to_owned());
    }
    assert_eq!(missed, BTreeSet::from(["x://new/2".to_owned(), "x://old/2".to_owned()]));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(received.count(UPDATED), 2);
    for (peer, server) in [(&new, "new"), (&old, "old")] {
        updated(peer, "x://2");
        let params = json!({ "uri": format!("x://{server}/2") });
        assert_eq!(next(&mut one, "one").await, (UPDATED.to_owned(), params));
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ended_by_the_server_is_reopened() {
    let (group, new, _old) = two();
    let (_session, received) = open_receiving(&group, EraPolicy::Auto).await;
    until(|| filters(&new).len() == 1).await;
    let id = &new.asked("subscriptions/listen")[0]["id"];
    new.say(json!({ "jsonrpc": "2.0", "id": id, "result": { "resultType": "complete" } }));
    until(|| filters(&new).len() == 2).await;
    updated(&new, "x://1");
    // An unsolicited update, without a subscriber.
    received.wait(UPDATED, 1).await;
    assert_eq!(received.params(UPDATED)[0], json!({ "uri": "x://new/1", "_meta": {} }));
}

/// No server reports changes between the end of one subscription and the next.
#[tokio::test(start_paused = true)]
async fn listeners_are_notified_of_possibly_missed_changes() {
    let (group, new, _old) = two();
    let _open = open(&group).await;
    let (mut one, _one) =
        listen(&group, "one", json!({ "resourceSubscriptions": ["x://new/1"] })).await;
    next(&mut one, "one").await;
    let id = &new.asked("subscriptions/listen").pop().unwrap()["id"];
    new.say(json!({ "jsonrpc": "2.0", "id": id, "result": { "resultType": "complete" } }));
    let (method, params) = next(&mut one, "one").await;
    assert_eq!((method.as_str(), &params["uri"]), (UPDATED, &json!("x://new/1")));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_with_its_session() {
    let (group, ..) = two();
    for mode in [EraPolicy::Auto, EraPolicy::Legacy] {
        let (session, _received) = open_receiving(&group, mode).await;
        let filter = SubscriptionFilter::new().with_tools_list_changed(true);
        let mut changes =
            session.subscribe(filter.clone()).resubscribe(Subscribe::BACKOFF).await.unwrap();
        assert_eq!(changes.acknowledged(), filter, "{mode:?}");
        session.close().await.unwrap();
        // The servers were reopened for this session, so a change may precede the end.
        let end = async {
            loop {
                match changes.next().await {
                    Some(Ok(_)) => {}
                    end => break end,
                }
            }
        };
        let end = tokio::time::timeout(Duration::from_secs(1), end).await.unwrap();
        let is_closed = matches!(&end, Some(Err(error)) if error.kind() == ErrorKind::Closed);
        assert!(is_closed, "{mode:?} {end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_is_notified_of_lost_events() {
    let (group, new, _old) = two();
    let _open = open(&group).await;
    let (mut one, _one) =
        listen(&group, "one", json!({ "resourceSubscriptions": ["x://new/1"] })).await;
    next(&mut one, "one").await;
    for part in 0..1030 {
        updated(&new, &format!("x://1/{part}"));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..1024 {
        next(&mut one, "one").await;
    }
    let error = one.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), mcp_transport::ErrorKind::Lagged);
    assert!(error.to_string().starts_with("6 "), "{error}");
    assert!(one.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_server_without_acknowledgement_does_not_delay_others() {
    let is_second = |message: &Value| {
        message["params"]["notifications"]["resourceSubscriptions"] == json!(["x://2"])
    };
    let new = Peer::modern(capabilities(), move |_, message| match message["method"].as_str() {
        Some("subscriptions/listen") if is_second(message) => Reply::Nothing,
        _ => answers(message),
    });
    let group =
        Group::builder().backend(Backend::new("new", new.clone())).backend(backend("a")).build();
    let _open = open(&group).await;
    let (mut one, _one) =
        listen(&group, "one", json!({ "resourceSubscriptions": ["x://new/1"] })).await;
    next(&mut one, "one").await;
    let (mut two, _two) =
        listen(&group, "two", json!({ "resourceSubscriptions": ["x://new/2"] })).await;
    let reading = tokio::spawn(async move { (next(&mut two, "two").await, two) });
    until(|| new.asked("subscriptions/listen").iter().any(is_second)).await;
    updated(&new, "x://1");
    assert_eq!(next(&mut one, "one").await.1, json!({ "uri": "x://new/1" }));
    let (acknowledged, mut two) = reading.await.unwrap();
    assert_eq!(acknowledged.1["notifications"], json!({ "resourceSubscriptions": [] }));
    // A late acknowledgement is accepted.
    let Reply::Lines(late) = Reply::acknowledge(new.asked("subscriptions/listen").last().unwrap())
    else {
        unreachable!()
    };
    late.into_iter().for_each(|line| new.say(line));
    updated(&new, "x://2");
    assert_eq!(next(&mut two, "two").await.1, json!({ "uri": "x://new/2" }));
}

#[tokio::test(start_paused = true)]
async fn after_a_listener_ends_updates_use_the_connection() {
    let (group, _new, old) = two();
    let (session, received) = open_receiving(&group, EraPolicy::Auto).await;
    let acknowledged = "notifications/subscriptions/acknowledged";
    let listening = session.request("subscriptions/listen", &json!({ "notifications": {} }));
    let listening = tokio::spawn(listening.into_future());
    received.wait(acknowledged, 1).await;
    old.say(notification(TOOLS_CHANGED, json!({})));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(received.methods(), [acknowledged]);
    listening.abort();
    assert!(listening.await.unwrap_err().is_cancelled());
    old.say(notification(TOOLS_CHANGED, json!({})));
    received.wait(TOOLS_CHANGED, 1).await;
}

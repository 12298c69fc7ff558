//! Polling where the server does not report changes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_core::SubscriptionFilter;
use mcp_session::{ErrorKind, Event, Session, SessionOptions, Subscription};
use mcp_testkit::scripted::{Peer, Reply};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::peer::result;

const INTERVAL: Duration = Duration::from_secs(60);

fn tools_and(uri: &str) -> SubscriptionFilter {
    SubscriptionFilter::new()
        .with_tools_list_changed(true)
        .with_prompts_list_changed(true)
        .with_resource_subscriptions(vec![uri.to_owned()])
}

/// The contents of a server, set by the test.
#[derive(Clone, Default)]
struct Shelf {
    tools: Arc<AtomicU32>,
    notes: Arc<AtomicU32>,
}

impl Shelf {
    fn reply(&self, message: &Value) -> Reply {
        match message["method"].as_str() {
            Some("tools/list") => {
                let name = format!("tool_{}", self.tools.load(Ordering::SeqCst));
                let tool = json!({ "name": name, "inputSchema": { "type": "object" } });
                result(message, complete(json!({ "tools": [tool] })))
            }
            Some("resources/read") => match self.notes.load(Ordering::SeqCst) {
                0 => Reply::Nothing,
                1 => Reply::error(message, -32002, "no such resource"),
                version => {
                    let text = format!("version {version}");
                    let contents = json!([{ "uri": message["params"]["uri"], "text": text }]);
                    result(message, complete(json!({ "contents": contents })))
                }
            },
            _ => Reply::error(message, -32601, "Method not found"),
        }
    }
}

fn complete(mut result: Value) -> Value {
    result["resultType"] = json!("complete");
    result["ttlMs"] = json!(3_600_000);
    result["cacheScope"] = json!("private");
    result
}

async fn open(peer: &Peer) -> Session {
    Session::open(peer.clone(), Some("shelf"), SessionOptions::default()).await.unwrap()
}

/// The next event, with the time until it arrived.
async fn next(changes: &mut Subscription) -> (Duration, Option<Event>) {
    let start = Instant::now();
    let next = timeout(Duration::from_secs(600), changes.next()).await.ok().flatten();
    (start.elapsed(), next.transpose().unwrap())
}

async fn reports_changes(peer: &Peer, shelf: &Shelf) {
    shelf.notes.store(2, Ordering::SeqCst);
    let session = open(peer).await;
    let filter = tools_and("x:notes");
    let mut changes = session.subscribe(filter).poll_interval(INTERVAL).await.unwrap();
    shelf.tools.store(1, Ordering::SeqCst);
    let (after, event) = next(&mut changes).await;
    assert!(matches!(event, Some(Event::ToolsListChanged)), "{event:?}");
    assert!(after <= INTERVAL + Duration::from_secs(1), "{after:?}");
    // A removed resource has changed; a poll without a response is not a change.
    for (version, is_change) in [(3, true), (1, true), (0, false), (1, false), (4, true)] {
        shelf.notes.store(version, Ordering::SeqCst);
        let event = timeout(3 * INTERVAL, changes.next()).await.ok().flatten();
        let is_update =
            matches!(&event, Some(Ok(Event::ResourceUpdated { uri })) if uri == "x:notes");
        assert_eq!(is_update, is_change, "version {version}: {event:?}");
    }
    assert_eq!(next(&mut changes).await.1.map(|_| ()), None, "nothing has changed");
    session.close().await.unwrap();
    let end = changes.next().await;
    assert!(end.is_none_or(|end| end.unwrap_err().kind() == ErrorKind::Closed));
    assert!(changes.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_modern_server_without_subscriptions_is_polled() {
    let shelf = Shelf::default();
    let replies = shelf.clone();
    let capabilities = json!({ "tools": {}, "resources": {} });
    let peer = Peer::modern(capabilities, move |_, message| replies.reply(message));
    reports_changes(&peer, &shelf).await;
    let listed = peer.received().iter().filter(|it| it["method"] == "prompts/list").count();
    assert_eq!(listed, 0, "the server has no prompts");
}

#[tokio::test(start_paused = true)]
async fn a_legacy_server_without_notifications_is_polled() {
    let shelf = Shelf::default();
    let replies = shelf.clone();
    let capabilities = json!({ "tools": {}, "resources": {} });
    let peer = Peer::legacy(capabilities, move |_, message| replies.reply(message));
    reports_changes(&peer, &shelf).await;
}

#[tokio::test(start_paused = true)]
async fn acknowledged_parts_are_not_polled() {
    let shelf = Shelf::default();
    shelf.notes.store(2, Ordering::SeqCst);
    let replies = shelf.clone();
    let capabilities = json!({ "tools": { "listChanged": true }, "resources": {} });
    let peer = Peer::modern(capabilities, move |_, message| {
        if message["method"] != "subscriptions/listen" {
            return replies.reply(message);
        }
        let meta = json!({ "io.modelcontextprotocol/subscriptionId": message["id"] });
        let filter = json!({ "toolsListChanged": true });
        Reply::Lines(vec![json!({
            "jsonrpc": "2.0",
            "method": "notifications/subscriptions/acknowledged",
            "params": { "_meta": meta, "notifications": filter },
        })])
    });
    let session = open(&peer).await;
    let mut changes =
        session.subscribe(tools_and("x:notes")).poll_interval(INTERVAL).await.unwrap();
    shelf.tools.store(1, Ordering::SeqCst);
    shelf.notes.store(3, Ordering::SeqCst);
    let event = next(&mut changes).await.1;
    assert!(matches!(event, Some(Event::ResourceUpdated { .. })), "{event:?}");
    let listed = peer.received().iter().filter(|it| it["method"] == "tools/list").count();
    assert_eq!(listed, 0);
    drop(changes);
    let read = || peer.received().iter().filter(|it| it["method"] == "resources/read").count();
    let before = read();
    tokio::time::sleep(10 * INTERVAL).await;
    assert_eq!(read(), before, "dropping the subscription stops the polling");
}

//! Subscriptions, in both eras and over every carrier.

use std::time::Duration;

use mcp_client::{
    Client, EraPolicy, ErrorKind, Event, Session, Subscribe, Subscription,
    types::SubscriptionFilter,
};

use super::{everything, node, python};
use crate::support::{HttpPeer, StdioPeer, bounded, within};

const URI: &str = "test://greeting";

fn filter() -> SubscriptionFilter {
    SubscriptionFilter::new()
        .with_tools_list_changed(true)
        .with_resource_subscriptions(vec![URI.to_owned()])
}

async fn next(changes: &mut Subscription) -> String {
    match bounded(changes.next()).await.unwrap().unwrap() {
        Event::ToolsListChanged => "tools".to_owned(),
        Event::ResourceUpdated { uri } => uri,
        other => format!("{other:?}"),
    }
}

/// Changes are reported in any order, while subscribed.
async fn hears(session: &Session) {
    let mut changes = bounded(session.subscribe(filter())).await.unwrap();
    assert_eq!(changes.acknowledged(), filter(), "{session:?}");
    for _ in 0..2 {
        bounded(session.call_tool("change").arg("uri", URI)).await.unwrap();
        let mut heard = [next(&mut changes).await, next(&mut changes).await];
        heard.sort();
        assert_eq!(heard, [URI, "tools"], "{session:?}");
    }
    // No other resource was subscribed.
    bounded(session.call_tool("change").arg("uri", "test://other")).await.unwrap();
    assert_eq!(next(&mut changes).await, "tools");
    drop(changes);
    let echo = bounded(session.call_tool("echo").arg("text", "alive")).await.unwrap();
    assert_eq!(echo.text(), "alive");
    // The end of the session ends open subscriptions.
    let mut open = bounded(session.subscribe(filter())).await.unwrap();
    within(Duration::from_secs(10), session.close()).await.unwrap();
    let end = within(Duration::from_secs(5), open.next()).await;
    assert!(matches!(&end, Some(Err(error)) if error.kind() == ErrorKind::Closed), "{end:?}");
}

async fn hears_from(client: Client) {
    hears(&bounded(client.connect()).await.unwrap()).await;
}

#[tokio::test]
async fn the_python_sdk_over_stdio_and_http() {
    let Some(program) = python("mcp2") else { return };
    hears_from(StdioPeer::start(&program).client()).await;
    let peer = HttpPeer::start(&program, &[]).await;
    hears_from(peer.client()).await;
}

#[tokio::test]
async fn the_typescript_sdk_over_stdio_and_http() {
    let Some(program) = node("ts2") else { return };
    hears_from(StdioPeer::start(&program).client()).await;
    let peer = HttpPeer::start(&program, &[]).await;
    hears_from(peer.client()).await;
}

/// A server that is killed and restarted: the subscription is open again, and reports a resync.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_subscription_survives_a_restart_of_its_server() {
    let Some(program) = python("mcp2") else { return };
    let mut peer = HttpPeer::start(&program, &[]).await;
    let session = bounded(peer.client().connect()).await.unwrap();
    let mut backoff = Subscribe::BACKOFF;
    backoff.max = Duration::from_millis(500);
    let mut changes = bounded(session.subscribe(filter()).resubscribe(backoff)).await.unwrap();
    peer.replace("http", &program, &[]).await;
    let next_event = bounded(changes.next()).await.unwrap().unwrap();
    assert!(matches!(next_event, Event::Resync), "{next_event:?}");
    assert_eq!(changes.acknowledged(), filter());
    bounded(session.call_tool("change").arg("uri", URI)).await.unwrap();
    let mut heard = [next(&mut changes).await, next(&mut changes).await];
    heard.sort();
    assert_eq!(heard, [URI, "tools"]);
}

/// The reference server of the legacy era: one subscription for each resource, notifications on the GET stream.
#[tokio::test]
async fn the_reference_server_in_the_legacy_era() {
    const URI: &str = "demo://resource/dynamic/text/1";
    let Some(peer) = everything::over_http().await else { return };
    let session = bounded(peer.client().connect()).await.unwrap();
    let filter = SubscriptionFilter::new().with_resource_subscriptions(vec![URI.to_owned()]);
    let mut changes = bounded(session.subscribe(filter.clone())).await.unwrap();
    assert_eq!(changes.acknowledged(), filter);
    bounded(session.call_tool("toggle-subscriber-updates")).await.unwrap();
    assert_eq!(next(&mut changes).await, URI);
    bounded(session.close()).await.unwrap();
}

/// The transport replaces a lost session; notifications in between are lost, which is reported.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_lost_legacy_session_reports_a_resync() {
    let Some(program) = python("mcp2") else { return };
    let mut peer = HttpPeer::start(&program, &[]).await;
    let session = bounded(peer.client().era(EraPolicy::Legacy).connect()).await.unwrap();
    let filter = SubscriptionFilter::new().with_tools_list_changed(true);
    let subscribing = session.subscribe(filter).resubscribe(Subscribe::BACKOFF);
    let mut changes = bounded(subscribing).await.unwrap();
    peer.replace("http", &program, &[]).await;
    bounded(session.call_tool("echo").arg("text", "hello")).await.unwrap();
    let event = bounded(changes.next()).await.unwrap().unwrap();
    assert!(matches!(event, Event::Resync), "{event:?}");
    bounded(session.call_tool("change").arg("uri", URI)).await.unwrap();
    assert_eq!(next(&mut changes).await, "tools");
}

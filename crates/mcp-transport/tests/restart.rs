//! Reconnecting under one open transport.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use mcp_core::{ProtocolVersion, Request};
use mcp_testkit::{
    scripted::{Peer, Reply},
    until, within,
};
use mcp_transport::{
    Backoff, Connect, Connection, Delivery, Envelope, ErrorKind, Exchange, Gap, InboundItem,
    Transport,
    restart::{Restart, RestartTransport},
};
use serde_json::json;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn modern(id: i64, method: &'static str) -> Envelope<Request> {
    Envelope::new(Request::new(id, method)).with_version(ProtocolVersion::V2026_07_28)
}

/// Answers `echo`, exits on `exit`, and ignores any other request.
fn peer() -> Peer {
    Peer::new(|_, request| match request["method"].as_str() {
        Some("echo") => Reply::result(request, json!({})),
        Some("exit") => Reply::Close,
        _ => Reply::Nothing,
    })
}

fn backoff() -> Backoff {
    Backoff::new(SECOND, 60 * SECOND).with_jitter(0.0).with_attempts(3)
}

async fn open(transport: &impl Transport, id: i64, method: &'static str) -> Exchange {
    within(transport.request(modern(id, method))).await.unwrap()
}

async fn connect(peer: &Peer) -> Connection<RestartTransport<Peer>> {
    Restart::new(peer.clone(), backoff()).connect().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_next_request_reconnects_and_the_gap_is_reported() {
    let peer = peer();
    let Connection { transport, mut inbound, info, .. } = connect(&peer).await;
    assert_eq!(info.pid, Some(100), "the description of the connection is unchanged");
    assert!(open(&transport, 1, "echo").await.response().await.is_ok());
    let lost = open(&transport, 2, "exit").await;
    let error = within(lost.response()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::Unknown));
    assert_eq!(peer.connections(), 1, "reconnects only with the next request");
    let started = Instant::now();
    assert!(open(&transport, 3, "echo").await.response().await.is_ok());
    assert_eq!((peer.connections(), started.elapsed()), (2, Duration::ZERO));
    let item = within(inbound.next()).await.unwrap().unwrap();
    assert!(matches!(item, InboundItem::Gap(Gap::Interrupted(Some(_)))), "{item:?}");
}

#[tokio::test(start_paused = true)]
async fn attempts_in_a_row_are_limited_and_closed_has_the_cause() {
    let peer = peer();
    let Connection { transport, mut inbound, .. } = connect(&peer).await;
    drop(open(&transport, 1, "exit").await.response().await);
    peer.refuse(u32::MAX);
    let started = Instant::now();
    let error = within(transport.request(modern(2, "echo"))).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent));
    assert_eq!(started.elapsed(), 3 * SECOND, "delays of zero, one and two seconds");
    assert_eq!(peer.connections(), 4);
    assert_eq!(within(transport.closed()).await.to_string(), error.to_string());
    assert_eq!(within(inbound.next()).await.unwrap().unwrap_err().to_string(), error.to_string());
    assert!(within(inbound.next()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_message_of_an_earlier_connection_does_not_reset_the_attempts() {
    // Every connection after the first one ends with its first request.
    let peer = Peer::new(|number, request| match (number, request["method"].as_str()) {
        (0, Some("burst")) => {
            let progress = json!({ "progressToken": 1, "progress": 1 });
            let notification =
                mcp_testkit::scripted::notification("notifications/progress", progress);
            Reply::Lines(vec![notification.clone(), notification])
        }
        _ => Reply::Close,
    });
    let Connection { transport, .. } = connect(&peer).await;
    let burst = Request::new(1, "burst")
        .with_params(mcp_core::RawJson::trusted(r#"{"_meta":{"progressToken":1}}"#));
    let burst = Envelope::new(burst).with_version(ProtocolVersion::V2026_07_28);
    let mut stale = within(transport.request(burst)).await.unwrap();
    assert!(within(stale.next()).await.unwrap().is_ok());
    let started = Instant::now();
    for id in 2.. {
        match within(transport.request(modern(id, "any"))).await {
            Ok(exchange) => drop(within(exchange.response()).await.unwrap_err()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Closed);
                break;
            }
        }
        // A message of the first connection is read after others have ended.
        if id == 3 {
            assert!(within(stale.next()).await.unwrap().is_ok());
        }
        assert!(id < 20, "connections without a message are replaced without limit");
    }
    assert_eq!(peer.connections(), 4);
    assert_eq!(started.elapsed(), 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_share_one_reconnect() {
    let peer = peer();
    let Connection { transport, .. } = connect(&peer).await;
    drop(open(&transport, 1, "exit").await.response().await);
    peer.refuse(1);
    let requests = (2..12).map(|id| transport.request(modern(id, "echo")));
    for exchange in within(futures_util::future::join_all(requests)).await {
        assert!(within(exchange.unwrap().response()).await.is_ok());
    }
    assert_eq!(peer.connections(), 3);
}

#[tokio::test(start_paused = true)]
async fn close_prevents_reconnecting() {
    let peer = peer();
    let connection: Connection<RestartTransport<Peer>> = connect(&peer).await;
    let transport = &connection.transport;
    assert!(open(transport, 1, "echo").await.response().await.is_ok());
    within(transport.close()).await.unwrap();
    assert!(within(transport.closed()).await.is_closed());
    let error = within(transport.request(modern(2, "echo"))).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent));
    drop(connection);
    until("the server to exit", || peer.open_connections() == 0).await;
    assert_eq!(peer.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_legacy_session_ends_with_its_connection() {
    let peer = peer();
    let Connection { transport, mut inbound, .. } = connect(&peer).await;
    let initialized = mcp_core::Notification::new("notifications/initialized");
    within(transport.send(Envelope::new(initialized.into()))).await.unwrap();
    peer.exit();
    assert_eq!(within(transport.closed()).await.to_string(), "the process has ended");
    assert!(within(inbound.next()).await.unwrap().unwrap_err().is_closed());
    let error = within(transport.request(Request::new(1, "echo").into())).await.unwrap_err();
    assert!(error.is_closed());
    assert_eq!(peer.connections(), 1);
}

//! The official TypeScript SDK, line 1: legacy era only.

use mcp_client::EraPolicy;

use super::{node, over_http, resumes};
use crate::support::{Expect, StdioPeer};

const LEGACY: Expect = Expect::legacy("ts1");

#[tokio::test]
async fn stdio() {
    let Some(peer) = node("ts1") else { return };
    StdioPeer::start(&peer).exercise(EraPolicy::Auto, &LEGACY).await;
}

#[tokio::test]
async fn http() {
    let Some(peer) = node("ts1") else { return };
    over_http(&peer, &[], &[(EraPolicy::Auto, LEGACY)]).await;
}

#[tokio::test]
async fn http_json() {
    let Some(peer) = node("ts1") else { return };
    over_http(&peer, &["json"], &[(EraPolicy::Auto, LEGACY.without_progress())]).await;
}

/// Each request has its own server instance, which receives no cancellation.
#[tokio::test]
async fn http_stateless() {
    let Some(peer) = node("ts1") else { return };
    over_http(&peer, &["stateless"], &[(EraPolicy::Auto, LEGACY.without_cancel())]).await;
}

#[tokio::test]
async fn a_closed_stream_is_resumed() {
    let Some(peer) = node("ts1") else { return };
    resumes(&peer).await;
}

//! The official TypeScript SDK, line 2: both eras.

use mcp_client::EraPolicy;

use super::{node, over_http, resumes};
use crate::support::{Expect, StdioPeer};

const LEGACY: Expect = Expect::legacy("ts2");
const MODERN: Expect = Expect::modern("ts2");

#[tokio::test]
async fn stdio_modern() {
    let Some(peer) = node("ts2") else { return };
    StdioPeer::start(&peer).exercise(EraPolicy::Auto, &MODERN).await;
}

#[tokio::test]
async fn stdio_legacy() {
    let Some(peer) = node("ts2") else { return };
    StdioPeer::start(&peer).exercise(EraPolicy::Legacy, &LEGACY).await;
}

#[tokio::test]
async fn http() {
    let Some(peer) = node("ts2") else { return };
    over_http(&peer, &[], &[(EraPolicy::Auto, MODERN), (EraPolicy::Legacy, LEGACY)]).await;
}

/// It responds with JSON only in the modern era.
#[tokio::test]
async fn http_json() {
    let Some(peer) = node("ts2") else { return };
    over_http(
        &peer,
        &["json"],
        &[(EraPolicy::Auto, MODERN.without_progress()), (EraPolicy::Legacy, LEGACY)],
    )
    .await;
}

#[tokio::test]
async fn a_closed_stream_is_resumed() {
    let Some(peer) = node("ts2") else { return };
    resumes(&peer).await;
}

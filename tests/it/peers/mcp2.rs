//! The official Python SDK, line 2: both eras.

use mcp_client::{EraPolicy, types::ProtocolVersion};

use super::{in_each_revision, over_http, python, resumes};
use crate::support::{Expect, HttpPeer, StdioPeer};

const LEGACY: Expect = Expect::legacy("mcp2");
const MODERN: Expect = Expect::modern("mcp2");

#[tokio::test]
async fn stdio_modern() {
    let Some(peer) = python("mcp2") else { return };
    StdioPeer::start(&peer).exercise(EraPolicy::Auto, &MODERN).await;
}

#[tokio::test]
async fn stdio_legacy() {
    let Some(peer) = python("mcp2") else { return };
    StdioPeer::start(&peer).exercise(EraPolicy::Legacy, &LEGACY).await;
}

#[tokio::test]
async fn http() {
    let Some(peer) = python("mcp2") else { return };
    over_http(&peer, &[], &[(EraPolicy::Auto, MODERN), (EraPolicy::Legacy, LEGACY)]).await;
}

/// With JSON responses, it does not detect that a modern client disconnects.
#[tokio::test]
async fn http_json() {
    let Some(peer) = python("mcp2") else { return };
    over_http(
        &peer,
        &["json"],
        &[
            (EraPolicy::Auto, MODERN.without_progress().without_cancel()),
            (EraPolicy::Legacy, LEGACY.without_progress()),
        ],
    )
    .await;
}

#[tokio::test]
async fn http_stateless() {
    let Some(peer) = python("mcp2") else { return };
    over_http(&peer, &["stateless"], &[(EraPolicy::Auto, MODERN), (EraPolicy::Legacy, LEGACY)])
        .await;
}

#[tokio::test]
async fn a_closed_stream_is_resumed() {
    let Some(peer) = python("mcp2") else { return };
    resumes(&peer).await;
}

/// The oldest revision has no Streamable HTTP.
#[tokio::test]
async fn http_in_each_revision() {
    let Some(peer) = python("mcp2") else { return };
    let peer = HttpPeer::start(&peer, &[]).await;
    let mut versions = ProtocolVersion::ALL.to_vec();
    versions.retain(|version| *version != ProtocolVersion::V2024_11_05);
    in_each_revision(peer.client(), &versions).await;
}

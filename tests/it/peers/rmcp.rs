//! The official Rust SDK: both eras.

use mcp_client::{EraPolicy, types::ProtocolVersion};

use super::{in_each_revision, over_http};
use crate::support::{Expect, Peer, Program, StdioPeer};

pub(super) fn rmcp() -> Option<Program> {
    let peers = Peer("rmcp").installed()?;
    Some(Program::new(peers.join("rmcp-target/debug/rmcp-peer")))
}

const LEGACY: Expect = Expect::legacy("rmcp");
const MODERN: Expect = Expect::modern("rmcp");

#[tokio::test]
async fn stdio_modern() {
    let Some(peer) = rmcp() else { return };
    StdioPeer::start(&peer).exercise(EraPolicy::Auto, &MODERN).await;
}

#[tokio::test]
async fn stdio_legacy() {
    let Some(peer) = rmcp() else { return };
    StdioPeer::start(&peer).exercise(EraPolicy::Legacy, &LEGACY).await;
}

#[tokio::test]
async fn http() {
    let Some(peer) = rmcp() else { return };
    over_http(&peer, &[], &[(EraPolicy::Auto, MODERN), (EraPolicy::Legacy, LEGACY)]).await;
}

/// It responds with JSON if nothing precedes the response, and with events otherwise.
#[tokio::test]
async fn http_json() {
    let Some(peer) = rmcp() else { return };
    over_http(&peer, &["json"], &[(EraPolicy::Auto, MODERN), (EraPolicy::Legacy, LEGACY)]).await;
}

#[tokio::test]
async fn http_stateless() {
    let Some(peer) = rmcp() else { return };
    over_http(&peer, &["stateless"], &[(EraPolicy::Auto, MODERN), (EraPolicy::Legacy, LEGACY)])
        .await;
}

#[tokio::test]
async fn stdio_in_each_revision() {
    let Some(peer) = rmcp() else { return };
    in_each_revision(StdioPeer::start(&peer).client(), &ProtocolVersion::ALL).await;
}

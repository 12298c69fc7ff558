//! The official Python SDK, line 1: legacy era only.

use mcp_client::EraPolicy;

use super::{over_http, python, resumes};
use crate::support::{Expect, StdioPeer};

const LEGACY: Expect = Expect::legacy("mcp1");

#[tokio::test]
async fn stdio() {
    let Some(peer) = python("mcp1") else { return };
    StdioPeer::start(&peer).exercise(EraPolicy::Auto, &LEGACY).await;
}

#[tokio::test]
async fn http() {
    let Some(peer) = python("mcp1") else { return };
    over_http(&peer, &[], &[(EraPolicy::Auto, LEGACY)]).await;
}

#[tokio::test]
async fn http_json() {
    let Some(peer) = python("mcp1") else { return };
    over_http(&peer, &["json"], &[(EraPolicy::Auto, LEGACY.without_progress())]).await;
}

#[tokio::test]
async fn http_stateless() {
    let Some(peer) = python("mcp1") else { return };
    over_http(&peer, &["stateless"], &[(EraPolicy::Auto, LEGACY)]).await;
}

#[tokio::test]
async fn a_closed_stream_is_resumed() {
    let Some(peer) = python("mcp1") else { return };
    resumes(&peer).await;
}

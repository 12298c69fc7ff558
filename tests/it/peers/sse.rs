//! HTTP+SSE, as it is still spoken.

use std::time::Duration;

use mcp_client::{Client, Mode, Sse, types::ProtocolVersion};

use super::{everything, in_each_revision, node, python};
use crate::support::{Expect, HttpPeer, Program, bounded, within};

async fn stands(program: &Program, expect: Expect) {
    let peer = HttpPeer::start_sse(program).await;
    // The path of the URL tells the transport.
    assert!(peer.url.ends_with("/sse"), "{}", peer.url);
    peer.exercise(Mode::Auto, &expect).await;
    let client = Client::new(Sse::new(&peer.url).unwrap()).unwrap();
    in_each_revision(client, &[ProtocolVersion::V2024_11_05, ProtocolVersion::V2025_06_18]).await;
}

#[tokio::test]
async fn mcp1() {
    let Some(peer) = python("mcp1") else { return };
    stands(&peer, Expect::legacy("mcp1")).await;
}

#[tokio::test]
async fn mcp2() {
    let Some(peer) = python("mcp2") else { return };
    stands(&peer, Expect::legacy("mcp2")).await;
}

#[tokio::test]
async fn fastmcp4() {
    let Some(peer) = python("fastmcp4") else { return };
    stands(&peer, Expect::legacy("fastmcp4")).await;
}

#[tokio::test]
async fn ts1() {
    let Some(peer) = node("ts1") else { return };
    stands(&peer, Expect::legacy("ts1")).await;
}

#[tokio::test]
async fn server_everything() {
    let Some(peer) = everything::over_sse().await else { return };
    let session = bounded(peer.client().connect()).await.unwrap();
    everything::exercise(&session).await;
    within(Duration::from_secs(5), session.close()).await.unwrap();
}

#[tokio::test]
async fn server_everything_has_its_question_for_roots_answered() {
    let Some(peer) = everything::over_sse().await else { return };
    let session = everything::asks_for_roots(peer.client(), &peer.log).await;
    bounded(session.close()).await.unwrap();
}

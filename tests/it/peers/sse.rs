//! HTTP+SSE servers in use.

use std::time::Duration;

use futures_util::future::join_all;
use mcp_client::{
    Client, EraPolicy, ErrorKind, Sse, StreamableHttp, Verdict, transport::Binding,
    types::ProtocolVersion,
};

use super::{everything, in_each_revision, node, python};
use crate::support::{Expect, Front, HttpPeer, Program, bounded, within};

async fn stands(program: &Program, expect: Expect) {
    let peer = HttpPeer::start_sse(program, "/sse").await;
    // The path of the URL selects the transport.
    assert!(peer.url.ends_with("/sse"), "{}", peer.url);
    peer.exercise(EraPolicy::Auto, &expect).await;
    let client = Client::new(Sse::new(&peer.url).unwrap()).unwrap();
    in_each_revision(client, &[ProtocolVersion::V2024_11_05, ProtocolVersion::V2025_06_18]).await;
    is_found_at_any_path(program, expect).await;
}

/// The path of the URL says nothing about the transport.
async fn is_found_at_any_path(program: &Program, expect: Expect) {
    let mut peer = HttpPeer::start_sse(program, "/events").await;
    let front = Front::before(&peer.url).await;
    peer.url.clone_from(&front.url);
    // The URL itself only gets the requests of the detection; messages go to the endpoint of the stream.
    let asked = || (front.count("POST /events "), front.count("GET /events "));
    peer.exercise(EraPolicy::Auto, &expect).await;
    // The probe and `initialize`; the second session uses the verdict of the first.
    assert_eq!(asked(), (2, 2));

    let client = peer.client();
    for session in 0..2 {
        let opened = bounded(client.connect()).await.unwrap();
        assert_eq!(opened.verdict().binding, Some(Binding::HttpSse));
        bounded(opened.close()).await.unwrap();
        assert_eq!(asked(), (4, 3 + session));
    }
    let found = client.verdict().unwrap();
    assert_eq!(found.binding, Some(Binding::HttpSse));
    let saved = serde_json::to_string(&found).unwrap();
    let found: Verdict = serde_json::from_str(&saved).unwrap();
    let session = bounded(peer.client().prior_discover(found).connect()).await.unwrap();
    assert_eq!(bounded(session.list_prompts()).await.unwrap().len(), 1);
    bounded(session.close()).await.unwrap();
    assert_eq!(asked(), (4, 5));

    let explicit = Client::new(StreamableHttp::new(&peer.url).unwrap()).unwrap();
    let error = bounded(explicit.connect()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    assert!(error.to_string().starts_with(&peer.url), "{error}");
    assert_eq!(asked(), (6, 5));
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
async fn server_everything_gets_a_response_to_its_request_for_roots() {
    let Some(peer) = everything::over_sse().await else { return };
    let session = everything::asks_for_roots(peer.client(), &peer.log).await;
    bounded(session.close()).await.unwrap();
}

/// A server that used HTTP+SSE before supports Streamable HTTP now. Some respond to a GET with a silent stream.
#[tokio::test]
async fn a_server_that_was_upgraded_is_detected_again() {
    let peers = [
        (python("mcp1"), "mcp1"),
        (python("mcp2"), "mcp2"),
        (python("fastmcp4"), "fastmcp4"),
        (node("ts1"), "ts1"),
        (node("ts2"), "ts2"),
    ];
    let peers = peers.into_iter().filter_map(|(peer, name)| Some((peer?, name)));
    let cases = peers.flat_map(|(peer, name)| {
        [&[][..], &["stateless"]].map(|options| has_moved_on(peer.clone(), name, options))
    });
    join_all(cases).await;
}

async fn has_moved_on(peer: Program, name: &str, options: &[&str]) {
    let peer = HttpPeer::start(&peer, options).await;
    let mut found = Verdict::new(ProtocolVersion::V2024_11_05);
    found.binding = Some(Binding::HttpSse);
    let client = peer.client().prior_discover(found);
    let session = bounded(client.connect()).await.unwrap();
    assert_eq!(session.server_info().unwrap().name, name);
    assert_eq!(session.verdict().binding, Some(Binding::StreamableHttp), "{name} {options:?}");
    let echo = bounded(session.call_tool("echo").arg("text", name)).await.unwrap();
    assert_eq!(echo.text(), name);
    bounded(session.close()).await.unwrap();
    assert_eq!(client.verdict().unwrap().binding, Some(Binding::StreamableHttp));
}

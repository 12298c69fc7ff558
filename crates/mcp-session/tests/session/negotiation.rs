//! Negotiation of the era, and the messages it sends.

use std::time::Duration;

use mcp_core::{Era, ProtocolVersion};
use mcp_session::{EraPolicy, ErrorKind, Session, SessionOptions, Verdict};
use mcp_transport::Binding;
use serde_json::json;
use tokio::time::Instant;

use crate::peer::{Peer, Reply, discover, error, initialized, legacy, modern, peer};

async fn open(peer: &Peer, mode: EraPolicy) -> Result<Session, mcp_session::Error> {
    let mut options = SessionOptions::default();
    options.era = mode;
    Session::open(peer.clone(), None, options).await
}

#[tokio::test(start_paused = true)]
async fn a_modern_server_is_discovered_and_sent_nothing_else() {
    let peer = modern(|_| Reply::Nothing);
    let session = open(&peer, EraPolicy::Auto).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::V2026_07_28);
    assert_eq!(session.server_info().unwrap().name, "new");
    assert_eq!(session.instructions(), Some("Be kind."));
    assert!(session.capabilities().tools.is_some());
    assert_eq!(peer.methods(), ["server/discover"]);
    let meta = &peer.received()[0]["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert!(meta["io.modelcontextprotocol/clientCapabilities"].is_object());
    assert_eq!(meta["io.modelcontextprotocol/clientInfo"]["name"], "mcp-client");
}

#[tokio::test(start_paused = true)]
async fn a_legacy_server_is_initialized_on_the_same_connection() {
    let peer = legacy(|_| Reply::Nothing);
    let session = open(&peer, EraPolicy::Auto).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::V2025_11_25);
    assert_eq!(session.era(), Era::Legacy);
    assert_eq!(session.server_info().unwrap().name, "old");
    tokio::task::yield_now().await;
    assert_eq!(peer.methods(), ["server/discover", "initialize", "notifications/initialized"]);
    assert_eq!(peer.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_killed_by_the_probe_is_restarted_and_not_probed_again() {
    let peer = peer(|_, message| match message["method"].as_str() {
        Some("server/discover") => Reply::Close,
        Some("initialize") => initialized(message, "2024-11-05"),
        _ => Reply::Nothing,
    });
    let session = open(&peer, EraPolicy::Auto).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::V2024_11_05);
    assert_eq!(peer.connections(), 2);
    let methods = peer.methods();
    assert_eq!(methods[..2], ["server/discover", "initialize"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_always_dies_is_reported() {
    let peer = peer(|_, _| Reply::Close);
    let error = open(&peer, EraPolicy::Auto).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(peer.connections(), 2);
    assert!(error.to_string().starts_with("scripted: initialize: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_ignored_probe_costs_less_than_two_seconds_and_is_not_repeated() {
    let peer = peer(|_, message| match message["method"].as_str() {
        Some("initialize") => initialized(message, "2025-06-18"),
        _ => Reply::Nothing,
    });
    let start = Instant::now();
    let session = open(&peer, EraPolicy::Auto).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::V2025_06_18);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    tokio::task::yield_now().await;
    // The probe is not cancelled, since a cancellation could end a legacy server.
    assert_eq!(peer.methods(), ["server/discover", "initialize", "notifications/initialized"]);

    let start = Instant::now();
    let options = SessionOptions::default().with_prior_discover(session.verdict().clone());
    Session::open(peer.clone(), None, options).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(peer.methods()[3], "initialize");
}

#[tokio::test(start_paused = true)]
async fn silence_times_out_and_both_requests_are_reported() {
    let silent = peer(|_, _| Reply::Nothing);
    let start = Instant::now();
    let error = open(&silent, EraPolicy::Auto).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), (ErrorKind::Timeout, Duration::from_secs(60)));
    assert_eq!(error.method(), Some("initialize"), "what was asked last");
    assert!(error.to_string().contains("within 60s"), "{error}");
    assert!(error.to_string().contains("before that, server/discover: no answer"), "{error}");

    let start = Instant::now();
    let silent = peer(|_, _| Reply::Nothing).bound(Binding::InProcess);
    let error = open(&silent, EraPolicy::Auto).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), (ErrorKind::Timeout, Duration::from_secs(60)));
    assert_eq!(silent.methods(), ["server/discover"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_version_is_corrected_once() {
    let refusal = json!({
        "code": -32022,
        "message": "no",
        "data": { "supported": ["2026-07-28", "2025-11-25"], "requested": "2026-07-28" },
    });
    let refuse = refusal.clone();
    let stubborn = peer(move |_, message| error(message, refuse.clone()));
    let failure = open(&stubborn, EraPolicy::Auto).await.unwrap_err();
    assert_eq!(failure.answer().unwrap().code, -32022);
    assert_eq!(stubborn.methods(), ["server/discover", "server/discover"]);

    let corrected = peer(move |_, message| match message["id"].as_str() {
        Some("discover-1") => error(message, refusal.clone()),
        _ => discover(message, &["2026-07-28"]),
    });
    let session = open(&corrected, EraPolicy::Auto).await.unwrap();
    assert_eq!(session.era(), Era::Modern);
}

#[tokio::test(start_paused = true)]
async fn no_common_version_names_both_sides() {
    let peer = modern(|_| Reply::Nothing);
    let failure = open(&peer, EraPolicy::Pinned(ProtocolVersion::V2025_06_18)).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Timeout, "it is asked by `initialize` at once");
    assert_eq!(peer.methods(), ["initialize"]);

    let future = crate::peer::peer(|_, message| discover(message, &["2099-01-01"]));
    let failure = open(&future, EraPolicy::Auto).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Version);
    assert!(failure.to_string().contains("2099-01-01"), "{failure}");
    assert!(failure.to_string().contains("2026-07-28"), "{failure}");
    // `initialize` decides.
    assert_eq!(future.methods(), ["server/discover", "initialize"]);

    let old = legacy(|_| Reply::Nothing);
    let failure = open(&old, EraPolicy::Pinned(ProtocolVersion::V2026_07_28)).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Version);
    assert_eq!(old.methods(), ["server/discover"]);
    assert_eq!(failure.to_string().matches("what?").count(), 1, "{failure}");
    assert_eq!(failure.to_string().matches("scripted").count(), 1, "{failure}");
}

#[tokio::test(start_paused = true)]
async fn an_unsupported_legacy_version_is_refused() {
    for (mode, version) in [
        (EraPolicy::Legacy, "2026-07-28"),
        (EraPolicy::Legacy, "1999-01-01"),
        (EraPolicy::Pinned(ProtocolVersion::V2025_06_18), "2025-11-25"),
    ] {
        let peer = peer(move |_, message| initialized(message, version));
        let failure = open(&peer, mode).await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Version, "{version}");
        assert!(failure.to_string().contains(version), "{failure}");
        assert_eq!(peer.methods(), ["initialize"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_prior_verdict_saves_the_probe() {
    let peer = modern(|_| Reply::Nothing).bound(Binding::StreamableHttp);
    let verdict = open(&peer, EraPolicy::Auto).await.unwrap().verdict().clone();
    let stored = serde_json::to_string(&verdict).unwrap();
    let verdict: Verdict = serde_json::from_str(&stored).unwrap();
    let mut options = SessionOptions::default();
    options.prior_discover = Some(verdict);
    let session = Session::open(peer.clone(), None, options).await.unwrap();
    assert_eq!(session.server_info().unwrap().name, "new");
    assert_eq!(peer.methods(), ["server/discover"], "only the first session asked");

    let mut options = SessionOptions::default();
    options.prior_discover = Some(Verdict::new(ProtocolVersion::V2025_06_18));
    let old = legacy(|_| Reply::Nothing);
    let session = Session::open(old.clone(), None, options).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::V2025_11_25);
    assert_eq!(old.methods()[0], "initialize");
}

//! The contract tests of all transports.

#![allow(clippy::unwrap_used, reason = "tests")]

use mcp_testkit::{Setup, contract_peer_http};
use mcp_transport_http::StreamableHttp;

async fn setup() -> Setup<StreamableHttp> {
    let peer = contract_peer_http().await;
    Setup::new(StreamableHttp::new(peer.url()).unwrap()).keep(peer)
}

mcp_testkit::transport_contract!(setup);

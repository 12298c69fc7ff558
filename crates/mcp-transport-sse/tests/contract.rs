//! The contract tests of all transports.

#![allow(clippy::unwrap_used, reason = "tests")]

use mcp_testkit::{Setup, contract_peer_sse};
use mcp_transport_sse::Sse;

async fn setup() -> Setup<Sse> {
    let peer = contract_peer_sse().await;
    Setup::new(Sse::new(peer.url()).unwrap()).keep(peer)
}

mcp_testkit::transport_contract!(setup);

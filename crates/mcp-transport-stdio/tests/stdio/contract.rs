//! The contract tests of all transports.

use mcp_testkit::{Setup, contract_peer_command};
use mcp_transport_stdio::Stdio;

async fn setup() -> Setup<Stdio> {
    Setup::new(Stdio::new(contract_peer_command()))
}

mcp_testkit::transport_contract!(setup);

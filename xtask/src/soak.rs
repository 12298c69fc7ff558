//! `soak`: endurance on a group of real servers.

use crate::run::{self, Result, cargo};
use crate::setup;

/// The peers that it talks to.
const PEERS: &[&str] = &["npm", "uv", "mcp1", "mcp2", "rmcp"];

/// Arguments are passed on: `--for 10m`.
pub(crate) fn run(args: &[String]) -> Result {
    let mut missing = Vec::new();
    for peer in PEERS {
        missing.extend(setup::install_peer(peer)?);
    }
    if !missing.is_empty() {
        return setup::report(&missing);
    }
    run::run(cargo("run --quiet --package mcp-integration --bin soak --").args(args))
}

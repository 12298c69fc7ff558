//! Our server, as a process.

use mcp_client::EraPolicy;

use crate::support::{Expect, Program, StdioPeer};

fn own() -> StdioPeer {
    StdioPeer::start(&Program::new(env!("CARGO_BIN_EXE_own-peer")))
}

#[tokio::test]
async fn modern() {
    own().exercise(EraPolicy::Auto, &Expect::modern("own")).await;
}

#[tokio::test]
async fn legacy() {
    own().exercise(EraPolicy::Legacy, &Expect::legacy("own")).await;
}

#[tokio::test]
async fn nothing_is_left_of_it_when_the_session_is_dropped() {
    own().drop_it().await;
}

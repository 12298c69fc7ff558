//! Calls that become tasks, with scripted servers on a shared pipe, in paused time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod calls;
mod handles;
mod leaving;
mod legacy;
#[allow(dead_code, unreachable_pub, reason = "the scripted server of the tests of sessions")]
#[path = "../../../mcp-session/tests/session/peer.rs"]
mod peer;
mod server;

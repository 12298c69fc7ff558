//! Integration tests through the facade: real servers, clients of other projects, hostile peers.
#![allow(clippy::unwrap_used, reason = "tests")]

mod hostile;
mod memory;
mod own;
mod peers;
mod settings;
mod support;
mod targets;

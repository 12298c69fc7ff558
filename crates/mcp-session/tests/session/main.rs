//! Sessions against scripted servers on a shared pipe, in paused time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod cache;
mod cache_store;
mod calls;
mod extension;
mod handlers;
mod headers;
mod negotiation;
#[cfg(feature = "validation")]
mod output_checks;
mod peer;
mod recorder;
mod restart;
mod rounds;
mod server_requests;
mod spans;
mod stuck;
mod subscribe;
mod trace;
mod typed;

//! Sessions against scripted servers on a shared pipe, in paused time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod asked;
mod cache;
mod cache_store;
mod calls;
mod extension;
mod handlers;
mod headers;
#[cfg(feature = "validation")]
mod judged;
mod negotiation;
mod peer;
mod recorder;
mod restart;
mod rounds;
mod spans;
mod stuck;
mod subscribe;
mod trace;
mod typed;

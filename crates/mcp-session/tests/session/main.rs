//! Sessions against scripted servers on a shared pipe, in paused time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod cache;
mod cache_store;
mod calls;
mod closing;
mod extension;
mod failures;
mod faulty;
mod gaps;
mod handlers;
mod headers;
mod local;
mod logging;
mod negotiation;
mod opening;
#[cfg(feature = "validation")]
mod output_checks;
mod peer;
mod polling;
mod recorder;
mod requirements;
mod restart;
mod rounds;
mod runtimes;
mod server_requests;
mod spans;
mod stuck;
mod subscribe;
mod time;
mod trace;
mod typed;

//! Starts and observes peers, and the calls that every one of them must support.

#[cfg(target_os = "linux")]
mod configured;
mod exercise;
mod front;
mod http;
mod installed;
mod interop;
mod log;
#[cfg(target_os = "linux")]
mod process;
mod program;
mod stdio;
mod tree;

#[cfg(target_os = "linux")]
pub(crate) use configured::{Configured, config};
pub(crate) use exercise::{Expect, exercise};
pub(crate) use front::Front;
pub(crate) use http::HttpPeer;
pub(crate) use installed::{Peer, repository, source, venv};
pub(crate) use interop::Row;
pub(crate) use log::Log;
pub(crate) use mcp_testkit::within as bounded;
#[cfg(target_os = "linux")]
pub(crate) use process::{kill, runs};
pub(crate) use program::Program;
pub(crate) use stdio::StdioPeer;
pub(crate) use tree::Tree;

use std::{future::IntoFuture, time::Duration};

/// Fails if `future` takes longer.
pub(crate) async fn within<T>(limit: Duration, future: impl IntoFuture<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(done) => done,
        Err(_) => panic!("not done within {limit:?}"),
    }
}

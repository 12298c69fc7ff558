//! Starting peers, watching them, and what every one of them has to stand.

mod exercise;
mod http;
mod installed;
mod log;
mod program;
mod stdio;
mod tree;

pub(crate) use exercise::{Expect, exercise};
pub(crate) use http::HttpPeer;
pub(crate) use installed::{Peer, repository, source, venv};
pub(crate) use log::Log;
pub(crate) use program::Program;
pub(crate) use stdio::StdioPeer;
pub(crate) use tree::Tree;

use std::{future::IntoFuture, time::Duration};

/// Nothing here waits for ever.
pub(crate) async fn bounded<T>(future: impl IntoFuture<Output = T>) -> T {
    within(Duration::from_secs(30), future).await
}

/// Fails where `future` takes longer.
pub(crate) async fn within<T>(limit: Duration, future: impl IntoFuture<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(done) => done,
        Err(_) => panic!("not done within {limit:?}"),
    }
}

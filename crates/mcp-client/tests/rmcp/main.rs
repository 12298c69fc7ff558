//! The bridges to the official Rust SDK: its client over our transports, its server below our session.

#![allow(clippy::unwrap_used, reason = "tests")]

mod client;
mod fake;
mod server;

use std::{future::Future, time::Duration};

/// Far more than anything here takes.
async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it ends in time")
}

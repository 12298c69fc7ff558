//! Against a real `redis-server`, which the tests start.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

mod cache;
mod replicas;
mod server;
mod tokens;

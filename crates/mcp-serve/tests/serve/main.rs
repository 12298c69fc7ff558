//! Servers over byte streams and HTTP.
#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;
mod guard;
mod legacy;
mod lines;
mod modern;
mod raw;
mod relay;
mod replicas;
mod routes;
#[cfg(feature = "sse")]
mod sse;

//! Bridges to the official Rust SDK: its client over our transports, its server below our session.

#![allow(clippy::unwrap_used, reason = "tests")]

mod client;
mod fake;
mod server;

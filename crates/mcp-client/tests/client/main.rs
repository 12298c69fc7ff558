//! Clients of servers in this process, of pairs of streams and of small commands.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bookshop;
#[cfg(feature = "serve")]
mod bridge;
#[cfg(all(feature = "oauth", feature = "config"))]
mod grants;
#[cfg(all(unix, feature = "stdio"))]
mod kept;
mod limits;
#[cfg(all(feature = "config", feature = "http", feature = "stdio"))]
mod newcomers;
#[cfg(all(feature = "oauth", feature = "config"))]
mod oauth;
mod pairs;
#[cfg(all(unix, feature = "stdio"))]
mod processes;
mod targets;
mod typed;
#[cfg(all(feature = "config", feature = "http"))]
mod wrapped;

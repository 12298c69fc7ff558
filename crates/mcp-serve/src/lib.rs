//! Serves any MCP server to clients, over byte streams ([`serve_lines`], [`serve_stdio`]) and over HTTP ([`Http`]).
//!
//! A server is a [`Serve`](mcp_transport::Serve), such as a `Server`, a `Group` of servers, or a [`Relay`] to a remote
//! one.

mod cancelled;
#[cfg(feature = "listener")]
mod health;
#[cfg(feature = "http")]
mod http;
mod lines;
#[cfg(feature = "listener")]
mod listener;
mod relay;
#[cfg(feature = "_tls")]
mod tls;
mod version;
mod work;

#[cfg(feature = "sse")]
pub use http::HttpSse;
#[cfg(feature = "http")]
pub use http::{Authenticate, BearerToken, Body, Http, Routes, SessionTable, Unauthenticated};
pub use lines::{serve_lines, serve_stdio};
#[cfg(feature = "listener")]
pub use listener::Listener;
pub use mcp_core;
pub use mcp_transport;
pub use relay::Relay;
#[cfg(feature = "_tls")]
pub use tls::Tls;

//! MCP over Streamable HTTP, in both protocol eras.
//!
//! [`StreamableHttp`] says where the server is and how to reach it; it implements
//! [`Connect`](mcp_transport::Connect) and opens a [`StreamableHttpTransport`]. The era is a property of
//! each message ([`Envelope::version`](mcp_transport::Envelope::version)), so one connection can ask a
//! server which eras it speaks and go on in either:
//!
//! - *modern* (2026-07-28): every request is a POST of its own with its routing headers; closing the
//!   response cancels it; there is no session.
//! - *legacy* (2025-03-26 to 2025-11-25, and any message without a version): session id, a GET stream
//!   that feeds [`Inbound`](mcp_transport::Inbound), resumption of broken streams, `DELETE` on close. A
//!   session that the server has forgotten is started anew, once, and the request that found out is
//!   repeated.
//!
//! HTTP itself is done by [`HttpClient`](mcp_http::HttpClient), or by any tower service of the user's
//! ([`HttpService`](mcp_http::HttpService)).
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mcp_core::{ProtocolVersion, Request};
//! use mcp_transport::{Connect, Envelope, Transport};
//! use mcp_transport_http::StreamableHttp;
//!
//! let connection = StreamableHttp::new("https://example.com/mcp")?
//!     .bearer_token("secret")
//!     .connect()
//!     .await?;
//! let request = Envelope::new(Request::new(1, "server/discover"))
//!     .with_version(ProtocolVersion::LATEST_MODERN);
//! let response = connection.transport.request(request).await?.response().await?;
//! # let _ = response;
//! # Ok(())
//! # }
//! ```
//!
//! Spec: basic/transports/streamable-http

mod answers;
mod config;
mod connect;
mod error;
mod flights;
mod head;
mod linger;
mod listen;
mod messages;
mod renew;
mod reply;
mod request;
mod send;
mod session;
mod shared;
mod transport;
mod wire;

pub use config::StreamableHttp;
pub use transport::StreamableHttpTransport;

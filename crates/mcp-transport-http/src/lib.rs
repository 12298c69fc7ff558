//! MCP over Streamable HTTP, in both protocol eras.
//!
//! [`StreamableHttp`] has the URL and settings of a server; it implements [`Connect`](mcp_transport::Connect) and opens
//! a [`StreamableHttpTransport`]. The era is a property of each message
//! ([`Envelope::version`](mcp_transport::Envelope::version)), so one connection can probe which eras a server supports
//! and continue in either:
//!
//! - *modern* (2026-07-28): every request is a separate POST with its routing headers; closing the
//!   response cancels it; there is no session.
//! - *legacy* (2025-03-26 to 2025-11-25, and any message without a version): session id, a GET stream that feeds
//!   [`Inbound`](mcp_transport::Inbound), resumption of broken streams, `DELETE` on close. A session that the server
//!   has lost is reinitialized once, and the refused request is sent again.
//!
//! Requests are sent by an [`HttpClient`](mcp_http::HttpClient), or by any other tower service
//! ([`HttpService`](mcp_http::HttpService)).
//!
//! The contract ([`mcp_transport`]), the messages ([`mcp_core`]) and the HTTP client ([`mcp_http`]) are re-exported, so
//! that an application needs no other dependency.
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
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use mcp_core;
pub use mcp_http;
pub use mcp_transport;

mod config;
mod connect;
mod endpoint;
mod error;
#[cfg(feature = "_fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod in_flight;
mod inner;
mod listen;
mod open_request;
mod parked;
mod reinitialize;
mod reply;
mod request;
mod response_stream;
mod resume;
mod saved_session;
mod send;
mod session;
mod session_state;
mod transport;

pub use config::StreamableHttp;
pub use saved_session::{SavedSession, SessionHandle};
pub use transport::StreamableHttpTransport;

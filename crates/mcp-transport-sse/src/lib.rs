//! MCP over HTTP+SSE, the network transport of revision 2024-11-05.
//!
//! [`Sse`] has the URL and settings of a server; it implements [`Connect`](mcp_transport::Connect) and opens an
//! [`SseTransport`]. A GET opens one event stream. Its first event, `endpoint`, has the URL for POSTs; all messages of
//! the server, including responses, arrive as `message` events on the stream.
//!
//! Later revisions have Streamable HTTP instead, which new servers should use: this transport is for existing ones.
//! They may negotiate any revision up to 2025-11-25 on it.
//!
//! Requests are sent by an [`HttpClient`](mcp_http::HttpClient), or by any other tower service
//! ([`HttpService`](mcp_http::HttpService)).
//!
//! The contract ([`mcp_transport`]), the messages ([`mcp_core`]) and the HTTP client ([`mcp_http`]) are re-exported, so
//! that an application needs no other dependency.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mcp_core::Request;
//! use mcp_transport::{Connect, Envelope, Transport};
//! use mcp_transport_sse::Sse;
//!
//! let connection =
//!     Sse::new("https://example.com/sse")?.bearer_token("secret").connect().await?;
//! let request = Envelope::new(Request::new(1, "ping"));
//! let response = connection.transport.request(request).await?.response().await?;
//! # let _ = response;
//! # Ok(())
//! # }
//! ```
//!
//! Spec: 2024-11-05 basic/transports#http-with-sse
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use mcp_core;
pub use mcp_http;
pub use mcp_transport;

mod accepted;
mod config;
mod connect;
mod endpoint;
mod endpoint_event;
mod error;
#[cfg(feature = "_fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod idle;
mod inner;
mod message_stream;
mod reconnect;
mod request;
mod sender;
mod session;
mod settings;
mod transport;

pub use config::Sse;
pub use transport::SseTransport;

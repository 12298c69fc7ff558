//! MCP over HTTP+SSE, the network transport of revision 2024-11-05.
//!
//! [`Sse`] says where the server is and how to reach it; it implements
//! [`Connect`](mcp_transport::Connect) and opens an [`SseTransport`]. A GET opens one stream of events; its
//! first event, `endpoint`, tells where messages are POSTed to; whatever the server says, answers
//! included, comes as `message` events on the stream.
//!
//! Later revisions have Streamable HTTP instead, which new servers should speak: this is for those that
//! are still there. They may negotiate any revision up to 2025-11-25 on it.
//!
//! HTTP itself is done by [`HttpClient`](mcp_http::HttpClient), or by any tower service of the user's
//! ([`HttpService`](mcp_http::HttpService)).
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

mod answers;
mod config;
mod connect;
mod endpoint;
mod error;
mod head;
mod incoming;
mod link;
mod reopen;
mod shared;
mod silence;
mod transport;
mod wire;

pub use config::Sse;
pub use transport::SseTransport;

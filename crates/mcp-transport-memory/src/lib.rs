//! MCP to a server in the same process, by direct function calls.
//!
//! [`Memory`] connects to any implementation of [`Serve`](mcp_transport::Serve). There is no task, no channel
//! and no serialization in between: a request calls the server, and the task that reads the exchange polls
//! the handler.
//!
//! - Connection: connecting opens a connection of the server, and does no I/O.
//! - Framing: none. Messages are passed as values.
//! - Cancellation: dropping the exchange drops the handler, which cancels the request.
//!
//! ```
//! use mcp_core::{Request, Response};
//! use mcp_transport::{Connect, Error, Serve, Transport};
//! use mcp_transport_memory::Memory;
//!
//! async fn ping(server: impl Serve) -> Result<Response, Error> {
//!     let connection = Memory::new(server).connect().await?;
//!     connection.transport.request(Request::new(1, "ping").into()).await?.response().await
//! }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    feature = "rmcp",
    doc = "\nFor a server written with the official Rust SDK, use [`RmcpServer`]."
)]
//!
//! Spec:
//! [Custom transports](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#custom-transports)

mod connect;
mod in_flight;
#[cfg(feature = "rmcp")]
mod rmcp;
mod transport;

pub use mcp_core;
pub use mcp_transport;

#[cfg(feature = "rmcp")]
pub use self::rmcp::RmcpServer;
pub use connect::Memory;
pub use transport::MemoryTransport;

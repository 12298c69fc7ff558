//! MCP to a server in the same process: a direct call, no bytes.
//!
//! [`Memory`] connects to anything that implements [`Serve`](mcp_transport::Serve). There is neither a
//! task nor a channel in between: a request calls the server, and whoever reads the exchange does its
//! work. Dropping the exchange therefore ends the work at once, which is how a request is cancelled here.
#![cfg_attr(
    feature = "rmcp",
    doc = "\nA server made with the official Rust SDK is reached by [`RmcpServer`] instead."
)]
//!
//! Spec: basic/transports#custom-transports

mod connect;
mod in_flight;
#[cfg(feature = "rmcp")]
mod rmcp;
mod transport;

#[cfg(feature = "rmcp")]
pub use self::rmcp::RmcpServer;
pub use connect::Memory;
pub use transport::MemoryTransport;

//! MCP to a server in the same process: a direct call, no bytes.
//!
//! [`Memory`] connects to anything that implements [`Serve`](mcp_transport::Serve). There is neither a
//! task nor a channel in between: a request calls the server, and whoever reads the exchange does its
//! work. Dropping the exchange therefore ends the work at once, which is how a request is cancelled here.
//!
//! Spec: basic/transports#custom-transports

mod connect;
mod in_flight;
mod transport;

pub use connect::Memory;
pub use transport::MemoryTransport;

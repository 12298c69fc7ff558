//! Contract tests and hostile peers for MCP transports.
//!
//! # Contract tests
//!
//! Each rule of the contract of [`Transport`](mcp_transport::Transport) is a function in [`contract`]. A
//! macro runs all of them against any transport:
//!
//! ```no_run
//! # fn my_transport(_: std::path::PathBuf) -> mcp_transport::SharedConnect { unreachable!() }
//! use mcp_testkit::{Setup, contract_peer_command};
//! use mcp_transport::SharedConnect;
//!
//! async fn setup() -> Setup<SharedConnect> {
//!     Setup::new(my_transport(contract_peer_command()))
//! }
//!
//! mcp_testkit::transport_contract!(setup);
//! # fn main() {}
//! ```
//!
//! The server is the [`ContractPeer`]. It can be reached by direct calls (it implements
//! [`Serve`](mcp_transport::Serve)), lines over any byte streams ([`contract_peer_lines`]), messages over a
//! sink and a stream ([`contract_peer_messages`]), as a process ([`contract_peer_command`]), and over
//! Streamable HTTP ([`contract_peer_http`]) or HTTP+SSE ([`contract_peer_sse`]).
//!
//! # Scripted servers
//!
//! [`scripted::Peer`] is a scripted server over an in-memory pipe, for tests of layers above a transport.
//! [`http`] has scripted servers for HTTP and HTTP+SSE, [`http2`] one for HTTP/2 frame by frame, [`oauth`] an MCP
//! server with its authorization server. [`within`] and [`until`] bound the waits of a test.
//!
//! # Hostile peers
//!
//! [`hostile`] has scripted servers that violate the protocol: over HTTP, over byte streams, and as a
//! process.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod command;
pub mod contract;
pub mod hostile;
pub mod http;
pub mod http2;
pub mod oauth;
mod peer;
pub mod scripted;
mod wait;

pub use command::{contract_peer_command, hostile_peer_command};
pub use contract::Setup;
pub use peer::{
    ContractPeer, HttpPeer, SsePeer, contract_peer_http, contract_peer_lines,
    contract_peer_messages, contract_peer_sse,
};
pub use wait::{until, within};

//! Contract tests and hostile peers for MCP transports.
//!
//! # The contract
//!
//! Each line of the contract on [`Transport`](mcp_transport::Transport) is a function in [`contract`], and
//! one line of code runs them all over a transport, yours too:
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
//! The other end is the [`ContractPeer`], a scripted server, behind one of its carriers: a direct call
//! (it implements [`Serve`](mcp_transport::Serve)), lines over any byte streams
//! ([`contract_peer_lines`]), messages over a sink and a stream ([`contract_peer_messages`]), a process
//! ([`contract_peer_command`]), Streamable HTTP ([`contract_peer_http`]), HTTP+SSE ([`contract_peer_sse`]).
//!
//! # Servers by script
//!
//! [`scripted::Peer`] is a server over a pipe in this process that answers, speaks and exits as the test says:
//! for what stands above a transport. [`http`] has the same for HTTP and HTTP+SSE. [`within`] and [`until`]
//! are waits that end.
//!
//! # A front
//!
//! [`serve_http`] puts any server behind Streamable HTTP: for suites that know servers by a URL.
//!
//! # Hostile peers
//!
//! [`hostile`] has servers that misbehave by script, byte for byte: over HTTP, over byte streams, and as
//! a process.

mod command;
pub mod contract;
mod front;
pub mod hostile;
pub mod http;
mod peer;
pub mod scripted;
mod wait;

pub use command::{contract_peer_command, hostile_peer_command};
pub use contract::Setup;
pub use front::serve_http;
pub use peer::{
    ContractPeer, HttpPeer, SsePeer, contract_peer_http, contract_peer_lines,
    contract_peer_messages, contract_peer_sse,
};
pub use wait::{until, within};

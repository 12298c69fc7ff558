//! The contract between MCP transports and the layers above them.
//!
//! A request opens an [`Exchange`]: any number of messages, then exactly one answer. [`Transport`] is
//! what a carrier implements and what everything above is written against; [`Connect`] opens a
//! [`Connection`], [`Inbound`] receives what belongs to no exchange, and [`SharedTransport`] hides which
//! transport it is. [`Serve`] is a server in this process.
//!
//! What stands at the root is this contract. Helpers to build transports with, and layers around them,
//! stand in modules of their own:
//!
//! | module | holds |
//! |---|---|
//! | [`multiplex`] | [`Multiplex`](multiplex::Multiplex): a transport out of any shared pipe |
//! | [`framing`] | newline-delimited messages |
//! | [`duplex`] | [`Duplex`](duplex::Duplex): a transport as one `Sink` and `Stream` |
//! | [`handshake`] | [`Handshake`](handshake::Handshake): opens another legacy session like a lost one |
//! | [`restart`] | [`Restart`](restart::Restart): reconnects under an open session |
//! | [`tower`] | layers, and a transport as a `tower` service (feature `tower`) |

mod backoff;
mod connection;
mod diagnostics;
pub mod duplex;
mod envelope;
mod error;
mod exchange;
pub mod framing;
pub mod handshake;
mod hold;
mod inbound;
mod limits;
mod mailbox;
pub mod multiplex;
pub mod restart;
mod serve;
mod shared;
mod single_flight;
mod stderr_summary;
#[cfg(feature = "tower")]
pub mod tower;
mod trace_context;
mod transport;

pub use backoff::{Backoff, Retries};
pub use connection::{Address, Binding, Carrier, Connection, ConnectionInfo};
pub use diagnostics::Diagnostics;
pub use envelope::{Envelope, IdleLimit, OneWay, Routing};
pub use error::{Delivery, Error, ErrorKind};
pub use exchange::Exchange;
pub use hold::{Hold, HoldGuard};
pub use inbound::{Gap, Inbound, InboundChain, InboundItem, InboundSender, Lagged, Rejected};
pub use limits::Limits;
pub use serve::Serve;
pub use shared::{SharedConnect, SharedServe, SharedTransport};
pub use single_flight::SingleFlight;
pub use stderr_summary::StderrSummary;
pub use trace_context::TraceContext;
pub use transport::{Connect, Transport};

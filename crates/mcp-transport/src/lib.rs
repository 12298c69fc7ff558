//! The contract between MCP transports and the layers above them.
//!
//! Each request opens an [`Exchange`]: a stream of any number of messages, ended by exactly one
//! response or error. The items at the root of the crate are the contract:
//!
//! - [`Connect`] opens a [`Connection`]: a [`Transport`], an [`Inbound`] and a [`ConnectionInfo`].
//! - [`Transport`] sends requests and one-way messages. Transports implement it, layers above use it.
//! - [`Inbound`] receives messages outside any exchange, such as `notifications/tools/list_changed`.
//! - [`Envelope`] carries an outgoing message together with its protocol version and its idle limit.
//! - [`Error`] reports failures below the protocol. A JSON-RPC error object is a response instead.
//! - [`SharedTransport`], [`SharedConnect`] and [`SharedServe`] erase the type behind a cloneable handle.
//! - [`Serve`] is a server in the same process.
//!
//! Helpers for transports, and layers around them, are in modules:
//!
//! | module | contents |
//! |---|---|
//! | [`multiplex`] | [`Multiplex`](multiplex::Multiplex): a transport over any shared byte stream or message channel |
//! | [`framing`] | [`LineDecoder`](framing::LineDecoder): newline-delimited messages |
//! | [`duplex`] | [`Duplex`](duplex::Duplex): a transport as one `Sink` and `Stream` |
//! | [`handshake`] | [`Handshake`](handshake::Handshake): replays a legacy handshake when the server lost the session |
//! | [`restart`] | [`Restart`](restart::Restart): reconnects under an open session |
//! | [`tower`] | time-out, concurrency and tracing layers; a transport as a `tower` service (feature `tower`) |
//!
//! # Guide
//!
//! - [Writing a transport](guide::writing_a_transport)
//! - [Using one transport in another SDK](guide::using_one_transport)
//! - [Invariants](guide::invariants) that hold across transports and the layers above them
#![cfg_attr(docsrs, feature(doc_cfg))]

mod background;
mod backoff;
mod connection;
mod diagnostics;
pub mod duplex;
mod envelope;
mod error;
mod exchange;
pub mod framing;
pub mod guide;
pub mod handshake;
mod hold;
mod inbound;
mod limits;
mod mailbox;
pub mod multiplex;
pub mod restart;
mod runtime;
mod serve;
mod shared;
mod single_flight;
mod stderr_summary;
#[cfg(feature = "tower")]
pub mod tower;
mod trace_context;
mod transport;
pub mod util;

pub use background::Background;
pub use backoff::Backoff;
pub use connection::{Address, Binding, Carrier, Connection, ConnectionInfo};
pub use diagnostics::Diagnostics;
pub use envelope::{Envelope, EnvelopeMessage, IdleLimit, OneWay, Routing};
pub use error::{Delivery, Error, ErrorKind};
pub use exchange::Exchange;
pub use hold::{Hold, HoldGuard};
pub use inbound::{Gap, Inbound, InboundChain, InboundItem, InboundSender, Lagged, Undelivered};
pub use limits::Limits;
pub use serve::Serve;
pub use shared::{SharedConnect, SharedServe, SharedTransport};
pub use stderr_summary::StderrSummary;
pub use trace_context::TraceContext;
pub use transport::{Connect, Transport};

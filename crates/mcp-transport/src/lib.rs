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
//! # Writing a transport
//!
//! Implement [`Connect`], and either return a [`Multiplex`](multiplex::Multiplex) or implement
//! [`Transport`]. `Multiplex` fits if all messages share one bidirectional byte stream or message
//! channel: it correlates responses, routes notifications, cancels dropped exchanges and applies
//! [`Limits`]. A transport with a connection for each request, such as HTTP, implements [`Transport`] and
//! returns [`Exchange::from_stream`]; it feeds [`Inbound::channel`] with messages outside any exchange.
//!
//! The twelve rules of the contract are listed at [`Transport`]. `mcp-testkit` has a test for each of
//! them: `mcp_testkit::transport_contract!` runs all of them against a connector.
//!
//! ```
//! use mcp_transport::{
//!     Binding, Carrier, Connect, Connection, ConnectionInfo, Delivery, Error, ErrorKind, Limits,
//!     multiplex::Multiplex,
//! };
//! use tokio::net::TcpStream;
//!
//! /// Connects to servers that speak newline-delimited JSON over TCP.
//! struct Tcp {
//!     address: String,
//! }
//!
//! impl Connect for Tcp {
//!     type Transport = Multiplex;
//!
//!     async fn connect(&self) -> Result<Connection<Multiplex>, Error> {
//!         let stream = TcpStream::connect(&self.address).await.map_err(|error| {
//!             Error::new(ErrorKind::Connect, "cannot connect")
//!                 .with_target(self.address.clone())
//!                 .with_delivery(Delivery::NotSent)
//!                 .with_source(error)
//!         })?;
//!         let (reader, writer) = stream.into_split();
//!         let (transport, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
//!         // The driver ends when the peer closes the stream or the last handle is dropped.
//!         tokio::spawn(driver);
//!         let info = ConnectionInfo::new(Binding::Pipe, self.describe()).with_carrier(Carrier::Tcp);
//!         Ok(Connection::new(transport, inbound, info))
//!     }
//!
//!     fn describe(&self) -> String {
//!         self.address.clone()
//!     }
//! }
//! ```
//!
//! # Using a transport in another SDK
//!
//! An SDK that correlates messages itself uses [`Duplex`](duplex::Duplex): a `Sink` and `Stream` of
//! JSON-RPC messages over any transport. Three rules apply:
//!
//! - A [`DuplexItem::Failed`](duplex::DuplexItem::Failed) with an id replaces the response to that
//!   request. Fail the pending call with its error; no other item for this id follows.
//! - Call [`Duplex::set_version`](duplex::Duplex::set_version) once a protocol version is negotiated. It
//!   decides headers and cancellation.
//! - Cancel by sending `notifications/cancelled`. It drops the exchange, and the transport cancels the
//!   request in its own way.
//!
//! ```
//! use futures_util::{SinkExt, StreamExt};
//! use mcp_core::{Message, ProtocolVersion, Request};
//! use mcp_transport::{
//!     Connect, Error,
//!     duplex::{Duplex, DuplexItem},
//! };
//!
//! async fn list_tools(connector: impl Connect) -> Result<(), Error> {
//!     let mut duplex = Duplex::new(connector.connect().await?);
//!     duplex.set_version(ProtocolVersion::V2026_07_28);
//!     duplex.send(Request::new(1, "tools/list").into()).await?;
//!     while let Some(item) = duplex.next().await {
//!         match item? {
//!             DuplexItem::Message(Message::Response(response)) => {
//!                 println!("{response:?}");
//!                 break;
//!             }
//!             DuplexItem::Message(message) => println!("{message:?}"),
//!             DuplexItem::Failed { id, error } => {
//!                 println!("request {id:?} failed: {error}");
//!                 break;
//!             }
//!             DuplexItem::Gap(gap) => println!("messages may be missing: {gap}"),
//!             _ => {}
//!         }
//!     }
//!     duplex.close().await
//! }
//! ```
//!
//! An SDK with one future for each request uses the [`Transport`] directly:
//!
//! ```
//! use mcp_core::{Request, Response};
//! use mcp_transport::{Error, Transport};
//!
//! async fn call(transport: &impl Transport, request: Request) -> Result<Response, Error> {
//!     // Dropping the exchange before its response cancels the request at the server.
//!     transport.request(request.into()).await?.response().await
//! }
//! ```

mod background;
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

//! The contract between MCP transports and the layers above them.
//!
//! A request opens an [`Exchange`]: any number of messages, then exactly one answer. [`Transport`] is
//! what a carrier implements and what everything above is written against; [`Connect`] opens one,
//! [`Multiplex`] makes one out of any shared pipe, [`SharedTransport`] hides which one it is.

mod duplex;
mod envelope;
mod error;
mod exchange;
mod framing;
mod inbound;
mod limits;
mod multiplex;
mod restart;
mod serve;
mod shared;
#[cfg(feature = "tower")]
mod tower;
mod trace_context;
mod transport;

pub use duplex::{Duplex, DuplexError};
pub use envelope::{Envelope, IdleLimit, OneWay, ParamHeaders};
pub use error::{Delivery, Error, ErrorKind};
pub use exchange::Exchange;
pub use framing::{Hint, Line, LineDecoder, TooLong};
pub use inbound::Inbound;
pub use limits::Limits;
pub use multiplex::{LineDriver, MessageDriver, Multiplex};
pub use restart::{Restart, RestartPolicy, RestartTransport};
pub use serve::Serve;
pub use shared::{SharedConnect, SharedTransport};
#[cfg(feature = "tower")]
pub use tower::{ConcurrencyLimit, ConcurrencyLimitLayer, Timeout, TimeoutLayer, TransportService};
#[cfg(all(feature = "tower", feature = "tracing"))]
pub use tower::{Trace, TraceLayer};
pub use trace_context::TraceContext;
pub use transport::{Address, Binding, Connect, Connection, Transport};

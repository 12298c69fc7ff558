//! The client against servers that behave, and servers that do not.
#![allow(missing_docs, reason = "tests")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod delayed_ack;
mod hostile;
mod pool;
mod server;
mod sse;
mod status;
#[cfg(feature = "tls-ring")]
mod tls;
#[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc")))]
mod without_tls;

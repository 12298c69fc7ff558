//! An HTTP/2 server over TLS whose every frame is written by the test.
//!
//! It implements only the framing layer: it can refuse streams, end connections at any stream, and violate every rule.

mod connection;
mod frame;
mod log;
mod server;

pub use connection::{Connection, Posted};
pub use frame::code;
pub use server::{Certificate, Server};

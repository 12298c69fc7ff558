//! A server of HTTP/2 over TLS whose every frame is written by the test.
//!
//! It knows nothing of HTTP/2 but its frames: it can refuse streams, end connections at any stream, and break
//! every rule.

mod connection;
mod frame;
mod log;
mod server;

pub use connection::{Connection, Posted};
pub use frame::code;
pub use server::{Certificate, Server};

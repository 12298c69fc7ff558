//! Integration tests, and the server that they and other programs talk to.

mod own;

pub use own::own_server;

//! Connections to servers.
//!
//! A [`Host`] is one server: [`Target`] has its address and the form of its requests, [`Pool`] its connections, and
//! [`Lease`] is one connection for one request. `http1` and `http2` open connections and send requests.

mod connections;
mod host;
mod http1;
mod http2;
mod lease;
mod target;

pub(crate) use host::Host;
pub(crate) use lease::{Incoming, Lease, Unanswered};

//! The connections to servers.
//!
//! A [`Host`] is one server: [`Target`] says where it is and how requests to it look, [`Pool`] has its
//! connections, [`Lease`] is one of them for one request. `http1` and `http2` open connections and send on
//! them.

mod connections;
mod host;
mod http1;
mod http2;
mod lease;
mod stream_body;
mod target;

pub(crate) use host::Host;
pub(crate) use lease::{Incoming, Lease, Unanswered};

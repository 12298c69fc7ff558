use std::future::Future;

use mcp_core::Request;

use crate::{Envelope, Exchange, Inbound, OneWay};

/// A server as a function from a request to an exchange: what the memory transport calls, and what a
/// byte stream or an HTTP endpoint can be put in front of.
///
/// Servers report failures as JSON-RPC errors in the response, never as errors of the transport. Dropping
/// the exchange cancels the work.
pub trait Serve: Send + Sync + 'static {
    /// The server as one more client meets it, for servers that keep something for each client. `None`,
    /// the default, lets all clients share this one.
    fn for_client(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// Begins to serve one client; what the server says outside exchanges arrives at the [`Inbound`].
    fn open(&self) -> Inbound {
        Inbound::none()
    }

    /// Takes a request. The work may be done here, or in the exchange as it is polled.
    fn request(&self, request: Envelope<Request>) -> impl Future<Output = Exchange> + Send;

    /// Takes a notification, or the response to a request that was sent by [`Inbound`].
    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = ()> + Send {
        let _ = message;
        async {}
    }

    /// A client has closed the connection that it had since [`open`](Serve::open): for servers that end
    /// with their last client. A connection that is merely dropped is not reported.
    fn close(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Whether the server ends requests by the [idle limit](Envelope::idle_limit) of their envelopes, so that
    /// no layer above limits that time as well. Default: it does not.
    fn enforces_idle_limit(&self) -> bool {
        false
    }

    /// The name of the server, for people.
    fn name(&self) -> String;
}

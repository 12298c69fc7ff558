use std::future::Future;

use mcp_core::Request;

use crate::{Envelope, Exchange, Inbound, OneWay};

/// A server in the same process: maps each request to an [`Exchange`].
///
/// The memory transport calls it directly; stdio and HTTP servers are front ends to it. Servers report
/// failures as JSON-RPC errors in the response, never as transport errors. Dropping the exchange cancels
/// the request.
///
/// ```
/// use mcp_core::{RawJson, Request, Response};
/// use mcp_transport::{Envelope, Exchange, Serve};
///
/// /// Returns an empty result for every request.
/// struct Empty;
///
/// impl Serve for Empty {
///     async fn request(&self, request: Envelope<Request>) -> Exchange {
///         let id = request.message.id;
///         let result = RawJson::trusted(r#"{"resultType":"complete"}"#);
///         Exchange::answered(id.clone(), Response::result(id, result))
///     }
///
///     fn name(&self) -> String {
///         "empty".to_owned()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an MCP server",
    label = "`mcp_transport::Serve` is not implemented for this type",
    note = "build a server with `mcp_server::Server`, or implement `mcp_transport::Serve`"
)]
pub trait Serve: Send + Sync + 'static {
    /// Returns a server for one more client, for servers with state per client. Default: `None`, all
    /// clients share this server.
    fn for_client(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// Opens a connection for one client. The [`Inbound`] receives the messages of the server outside any
    /// exchange. Default: none.
    fn open(&self) -> Inbound {
        Inbound::none()
    }

    /// Handles a request, either in this future or while the exchange is polled.
    fn request(&self, request: Envelope<Request>) -> impl Future<Output = Exchange> + Send;

    /// Handles a request like [`request`](Serve::request), if its exchange can be opened without waiting: it is then
    /// taken out of the option. Returns `None` otherwise, and the caller uses `request`. So a call in memory needs no
    /// future to be opened.
    ///
    /// Default: `None`.
    fn try_request(&self, request: &mut Option<Envelope<Request>>) -> Option<Exchange> {
        let _ = request;
        None
    }

    /// Handles a notification, or the response to a request that was sent through [`Inbound`]. Default:
    /// ignores it.
    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = ()> + Send {
        let _ = message;
        async {}
    }

    /// Called when a client closes the connection that it [opened](Serve::open), for servers that shut
    /// down with their last client. Not called for a connection that is only dropped. Default: does
    /// nothing.
    fn close(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Whether the server enforces the [idle limit](Envelope::idle_limit) of envelopes, so that no layer
    /// above enforces it as well. Default: `false`.
    fn enforces_idle_limit(&self) -> bool {
        false
    }

    /// The human-readable name of the server.
    fn name(&self) -> String;
}

use std::future::Future;

use mcp_core::Request;

use crate::{Connection, Diagnostics, Envelope, Error, Exchange, Hold, OneWay};

/// A connection to one MCP server. Each request opens an [`Exchange`].
///
/// # Contract
///
/// Each rule has a test of the same name in `mcp-testkit`, which any transport can run.
///
/// 1. `answers_each_request`: an exchange yields any number of messages, then exactly one terminal item
///    (the response or an error), and nothing after it.
/// 2. `correlates_out_of_order`: concurrent exchanges never wait for one another, and each gets the
///    response with its own id, in whichever order the server responds.
/// 3. `keeps_id_types`: the id `1` and the id `"1"` are two exchanges.
/// 4. `keeps_order`: the messages of one exchange arrive in the order they were sent, all of them before
///    its response.
/// 5. `peer_errors_are_answers`: a JSON-RPC error is a response, never an [`Error`].
/// 6. `payloads_are_untouched`: big numbers, nesting, the order of keys and line breaks inside strings
///    survive in both directions.
/// 7. `drop_cancels`: dropping an exchange before its terminal item cancels the request at the server.
///    Other exchanges are not affected. Dropping never blocks and never panics.
/// 8. `drop_of_request_future_is_safe`: dropping the future of [`request`](Transport::request) or
///    [`send`](Transport::send) never leaves half a message on the wire.
/// 9. `sends_one_way`: a message that [`send`](Transport::send) accepted reaches the server. There is no
///    response.
/// 10. `close_ends_everything`: [`close`](Transport::close) ends every open exchange with an error of
///     kind [`Closed`](crate::ErrorKind::Closed), makes every later request fail the same way with
///     delivery [`NotSent`](crate::Delivery::NotSent), ends [`Inbound`](crate::Inbound), makes
///     [`closed`](Transport::closed) return, and may be called twice.
/// 11. `large_messages_both_ways`: messages far larger than any buffer pass in both directions at once.
/// 12. `duplicate_id_is_refused`: a request with the id of an open one fails unsent. The open one is not
///     affected.
///
/// # Cancel safety
///
/// All futures are cancel safe as rules 7 and 8 state. Every wait ends: on success, error, time-out or
/// drop.
///
/// An example of an implementation is in the [guide](crate::guide::writing_a_transport).
///
/// Spec: [Transports](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports)
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an MCP transport",
    label = "`mcp_transport::Transport` is not implemented for this type",
    note = "pass the `transport` of a `Connection`, which `Connect::connect` returns",
    note = "to build one from a byte stream or a message channel, use `mcp_transport::multiplex::Multiplex::lines` or `::messages`"
)]
pub trait Transport: Send + Sync + 'static {
    /// Sends a request. Resolves once the peer, or the queue to it, has accepted the request.
    ///
    /// Cancel safe: dropping the future never leaves half a message on the wire.
    ///
    /// # Errors
    /// An error concerns this request only, unless its kind is [`Closed`](crate::ErrorKind::Closed).
    /// [`Error::delivery`] says whether the request may have reached the server.
    fn request(
        &self,
        request: Envelope<Request>,
    ) -> impl Future<Output = Result<Exchange, Error>> + Send;

    /// Sends a request like [`request`](Transport::request), if it can be accepted without waiting: it is
    /// then taken out of the option. Returns `None` otherwise, and the caller sends it with `request`. So a
    /// call needs no future to be sent on a pipe that has room.
    ///
    /// Default: `None`.
    ///
    /// # Errors
    /// As [`request`](Transport::request).
    fn try_request(
        &self,
        request: &mut Option<Envelope<Request>>,
    ) -> Option<Result<Exchange, Error>> {
        let _ = request;
        None
    }

    /// Sends a one-way message: a notification, or the response to a request of the server.
    ///
    /// Cancel safe: dropping the future never leaves half a message on the wire.
    ///
    /// # Errors
    /// If the peer did not accept the message.
    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Waits until the connection has ended, and returns the reason as an error of kind
    /// [`Closed`](crate::ErrorKind::Closed): closed by either side, process exited, broken pipe. A
    /// transport with a connection for each request, such as HTTP, ends only when it is closed. Cancel
    /// safe.
    ///
    /// Default: never resolves.
    #[doc(alias = "disconnect")]
    fn closed(&self) -> impl Future<Output = Error> + Send {
        std::future::pending()
    }

    /// Returns observations that may explain why the server does not respond, such as output that is not
    /// JSON-RPC or the end of its stderr. Default: empty.
    fn diagnostics(&self) -> Diagnostics {
        Diagnostics::default()
    }

    /// Closes the connection gracefully and releases everything it owns: processes, sockets, sessions.
    ///
    /// May be called more than once, also after the future of an earlier call was dropped.
    ///
    /// # Errors
    /// If a resource was not released, such as a process that still runs. The connection is closed in any
    /// case.
    #[doc(alias = "disconnect")]
    #[doc(alias = "shutdown")]
    fn close(&self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Opens connections to one server. Creating a connector does no I/O; only [`connect`](Connect::connect)
/// does.
///
/// An example of an implementation is in the [guide](crate::guide::writing_a_transport).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot open connections to an MCP server",
    label = "`mcp_transport::Connect` is not implemented for this type",
    note = "pass a connector such as `Stdio`, `StreamableHttp`, `Sse` or `Memory`, not a `Connection` or a `Transport`",
    note = "for a server of another kind, implement `mcp_transport::Connect`"
)]
pub trait Connect: Send + Sync + 'static {
    /// The transport of the opened connections.
    type Transport: Transport;

    /// Opens a connection: a new one on each call, if the carrier supports it.
    ///
    /// # Errors
    /// [`Connect`](crate::ErrorKind::Connect) if the server cannot be reached or started,
    /// [`Config`](crate::ErrorKind::Config) if a setting prevents the attempt.
    fn connect(&self) -> impl Future<Output = Result<Connection<Self::Transport>, Error>> + Send;

    /// A human-readable description of the server, for errors and logs: a command line or a URL without
    /// credentials.
    fn describe(&self) -> String;

    /// Returns when the connector or its connection last waited for user interaction, such as an
    /// authorization in a browser. Default: `None`, never.
    fn hold(&self) -> Option<Hold> {
        None
    }
}

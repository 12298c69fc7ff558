use std::future::Future;

use mcp_core::Request;

use crate::{Connection, Diagnostics, Envelope, Error, Exchange, Hold, OneWay};

/// A connection to one MCP server: each request opens an [`Exchange`].
///
/// # The contract
///
/// Every line has a case of the same name in `mcp-testkit`, which any transport can run.
///
/// 1. `answers_each_request`: an exchange yields any number of messages and then exactly one terminal
///    item, the response or an error, and nothing after it.
/// 2. `correlates_out_of_order`: concurrent exchanges never wait for one another, and each gets the
///    answer to its own id, whichever order the server answers in.
/// 3. `keeps_id_types`: the id `1` and the id `"1"` are two exchanges.
/// 4. `keeps_order`: the messages of one exchange arrive in the order they were sent, all of them before
///    its response.
/// 5. `peer_errors_are_answers`: a JSON-RPC error is a response, never an [`Error`].
/// 6. `payloads_are_untouched`: big numbers, nesting, the order of keys and line breaks inside strings
///    survive in both directions.
/// 7. `drop_cancels`: dropping an exchange before its end cancels it at the server; the transport goes
///    on serving the others. Dropping never blocks and never panics.
/// 8. `drop_of_request_future_is_safe`: dropping the future of [`request`](Transport::request) or
///    [`send`](Transport::send) never leaves half a message on the wire.
/// 9. `sends_one_way`: what [`send`](Transport::send) accepted reaches the server, without an answer.
/// 10. `close_ends_everything`: [`close`](Transport::close) ends every open exchange with an error of
///     kind [`Closed`](crate::ErrorKind::Closed), makes every later request fail the same way with
///     delivery [`NotSent`](crate::Delivery::NotSent), ends [`Inbound`](crate::Inbound), makes
///     [`closed`](Transport::closed) return, and may be called twice.
/// 11. `large_messages_both_ways`: messages far larger than any buffer pass in both directions at once.
/// 12. `duplicate_id_is_refused`: a request whose id is in flight fails alone, unsent.
///
/// All futures are cancel safe as lines 7 and 8 say. All waits end: on success, error, time-out or drop.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request. Resolves once the peer, or the queue towards it, has accepted the request.
    ///
    /// # Errors
    /// An error concerns this request alone, unless its kind is [`Closed`](crate::ErrorKind::Closed).
    fn request(
        &self,
        request: Envelope<Request>,
    ) -> impl Future<Output = Result<Exchange, Error>> + Send;

    /// Sends a message that nothing answers.
    ///
    /// # Errors
    /// When the message could not be handed to the peer.
    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Waits until the connection is over, and says why with an error of kind
    /// [`Closed`](crate::ErrorKind::Closed): it was closed, the process has ended, the pipe broke. A carrier
    /// that makes a connection for each request, as HTTP does, is over only when it is closed. Cancel safe.
    ///
    /// Default: waits for ever.
    fn closed(&self) -> impl Future<Output = Error> + Send {
        std::future::pending()
    }

    /// What the connection knows that may explain why the server does not answer: output that is no message,
    /// the end of its stderr. Default: nothing.
    fn diagnostics(&self) -> Diagnostics {
        Diagnostics::default()
    }

    /// Ends the connection in order, and everything it owns: processes, sockets, sessions.
    ///
    /// # Errors
    /// When something was left behind. The connection is over all the same.
    fn close(&self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Opens connections to one server. Making a value does no I/O; only [`connect`](Connect::connect) does.
pub trait Connect: Send + Sync + 'static {
    /// What is opened.
    type Transport: Transport;

    /// Opens a connection, each time a new one where the carrier allows that.
    ///
    /// # Errors
    /// [`Connect`](crate::ErrorKind::Connect) when the server cannot be reached or started,
    /// [`Config`](crate::ErrorKind::Config) when it cannot even be tried.
    fn connect(&self) -> impl Future<Output = Result<Connection<Self::Transport>, Error>> + Send;

    /// What is connected to, for people, such as in an error about a connection that could not be opened: a
    /// command or a URL without credentials.
    fn describe(&self) -> String;

    /// When connecting, or the connection, last waited for a person. Default: it never does.
    fn hold(&self) -> Option<Hold> {
        None
    }
}

use std::future::Future;

use mcp_core::Request;
use serde::{Deserialize, Serialize};

use crate::{Envelope, Error, Exchange, Inbound, OneWay};

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
///     delivery [`NotSent`](crate::Delivery::NotSent), ends [`Inbound`], and may be called twice.
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

    /// Ends the connection in order, and everything it owns: processes, sockets, sessions.
    ///
    /// # Errors
    /// When the end was not an orderly one. The connection is over all the same.
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

    /// The kind of carrier, which tells what silence and a broken connection mean while the era of the
    /// server is still unknown.
    fn binding(&self) -> Binding;

    /// What is connected to, for people: a command or a URL without credentials.
    fn describe(&self) -> String;

    /// Where the server is. Default: `None`, as for whatever is not reached over a network.
    fn address(&self) -> Option<Address> {
        None
    }
}

/// An open connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connection<T> {
    /// Sends.
    pub transport: T,
    /// Receives what belongs to no exchange.
    pub inbound: Inbound,
    /// The process that serves it, where there is one of ours.
    pub pid: Option<u32>,
}

impl<T> Connection<T> {
    /// Puts the two halves together.
    pub fn new(transport: T, inbound: Inbound) -> Self {
        Self { transport, inbound, pid: None }
    }

    /// Names the process that serves it.
    #[must_use]
    pub fn with_pid(mut self, pid: impl Into<Option<u32>>) -> Self {
        self.pid = pid.into();
        self
    }
}

/// Where a server is on a network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Address {
    /// The name of the host, or its IP address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    /// A port of a host.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

/// The kind of carrier that a [`Connect`] opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Binding {
    /// One shared pipe: a process, a socket. A server of the legacy era may stay silent on an unknown
    /// first request, or end the connection.
    Stream,
    /// Streamable HTTP: a request each. Silence and broken connections say nothing of the era.
    Http,
    /// HTTP+SSE of revision 2024-11-05, which servers of the modern era do not offer: there is nothing to
    /// find out.
    LegacyHttp,
    /// A server in this process.
    Memory,
}

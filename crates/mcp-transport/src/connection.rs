use serde::{Deserialize, Serialize};

use crate::Inbound;

/// An open connection, as returned by [`Connect::connect`](crate::Connect::connect).
#[derive(Debug)]
#[non_exhaustive]
pub struct Connection<T> {
    /// Sends requests and one-way messages.
    pub transport: T,
    /// Receives messages outside any exchange.
    pub inbound: Inbound,
    /// Describes the server, and how it is connected.
    pub info: ConnectionInfo,
}

impl<T> Connection<T> {
    /// Creates a connection from its parts.
    pub fn new(transport: T, inbound: Inbound, info: ConnectionInfo) -> Self {
        Self { transport, inbound, info }
    }

    /// Replaces the transport, usually by a wrapper around it.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Connection<U> {
        let Self { transport, inbound, info } = self;
        Connection { transport: map(transport), inbound, info }
    }

    /// Replaces the [`Inbound`], usually by a wrapper around it.
    #[must_use]
    pub fn map_inbound(mut self, map: impl FnOnce(Inbound) -> Inbound) -> Self {
        self.inbound = map(self.inbound);
        self
    }
}

/// Describes a connection: its protocol binding, carrier and server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The protocol binding.
    pub binding: Binding,
    /// What carries the bytes. Default: the usual carrier of the binding; see [`new`](Self::new).
    pub carrier: Carrier,
    /// A human-readable description of the server: a command line or a URL without credentials.
    pub description: String,
    /// The network address of the server. Default: `None`.
    pub peer: Option<Address>,
    /// The process id of the server, if this client started it. Default: `None`.
    pub pid: Option<u32>,
    /// Whether the server enforces the [idle limit](crate::Envelope::idle_limit) of envelopes, so that the
    /// caller must not enforce it as well. Default: `false`.
    pub enforces_idle_limit: bool,
}

impl ConnectionInfo {
    /// Creates a description with the usual carrier of the binding: a pipe for [`Binding::Pipe`], TCP for
    /// the HTTP bindings.
    pub fn new(binding: Binding, description: impl Into<String>) -> Self {
        let carrier = match binding {
            Binding::Pipe => Carrier::Pipe,
            Binding::StreamableHttp | Binding::HttpSse => Carrier::Tcp,
            Binding::InProcess => Carrier::InProcess,
        };
        let description = description.into();
        let (peer, pid, enforces_idle_limit) = (None, None, false);
        Self { binding, carrier, description, peer, pid, enforces_idle_limit }
    }

    /// Sets what carries the bytes.
    #[must_use]
    pub fn with_carrier(mut self, carrier: Carrier) -> Self {
        self.carrier = carrier;
        self
    }

    /// Sets the network address of the server.
    #[must_use]
    pub fn with_peer(mut self, peer: impl Into<Option<Address>>) -> Self {
        self.peer = peer.into();
        self
    }

    /// Sets the process id of the server.
    #[must_use]
    pub fn with_pid(mut self, pid: impl Into<Option<u32>>) -> Self {
        self.pid = pid.into();
        self
    }

    /// Sets whether the server enforces the idle limit of envelopes.
    #[must_use]
    pub fn with_idle_limit_enforced(mut self, enforced: bool) -> Self {
        self.enforces_idle_limit = enforced;
        self
    }
}

/// The network address of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Address {
    /// The host name, or the IP address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Address {
    /// Creates an address from a host and a port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

/// The protocol binding of a connection: how MCP messages are mapped onto it.
///
/// While the era of the server is unknown, the binding decides how to interpret silence and a broken
/// connection.
///
/// Spec: [Transports](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Binding {
    /// One pipe shared by all messages, such as stdio. A legacy server may ignore an unknown first
    /// request, or exit.
    Pipe,
    /// Streamable HTTP: one HTTP request for each message. Silence and broken connections say nothing about
    /// the era.
    StreamableHttp,
    /// HTTP+SSE of revision 2024-11-05. Only legacy servers offer it, so the era is known.
    HttpSse,
    /// A server in the same process.
    InProcess,
}

/// What carries the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Carrier {
    /// Pipes, such as the standard streams of a process.
    Pipe,
    /// TCP.
    Tcp,
    /// A Unix domain socket.
    UnixSocket,
    /// Function calls: the server is in the same process.
    InProcess,
}

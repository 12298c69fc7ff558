use serde::{Deserialize, Serialize};

use crate::Inbound;

/// An open connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connection<T> {
    /// Sends.
    pub transport: T,
    /// Receives what belongs to no exchange.
    pub inbound: Inbound,
    /// What it is a connection to, and how.
    pub info: ConnectionInfo,
}

impl<T> Connection<T> {
    /// Puts the parts together.
    pub fn new(transport: T, inbound: Inbound, info: ConnectionInfo) -> Self {
        Self { transport, inbound, info }
    }

    /// The same connection with something around its transport.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Connection<U> {
        let Self { transport, inbound, info } = self;
        Connection { transport: map(transport), inbound, info }
    }

    /// The same connection with something around what it receives.
    #[must_use]
    pub fn map_inbound(mut self, map: impl FnOnce(Inbound) -> Inbound) -> Self {
        self.inbound = map(self.inbound);
        self
    }
}

/// What a connection is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// How MCP is spoken on it.
    pub binding: Binding,
    /// What carries the bytes.
    pub carrier: Carrier,
    /// What it is connected to, for people: a command or a URL without credentials.
    pub description: String,
    /// Where the server is on a network. Default: nowhere.
    pub peer: Option<Address>,
    /// The process that serves it, where there is one of ours. Default: none.
    pub pid: Option<u32>,
    /// Whether the far end ends requests by the [idle limit](crate::Envelope::idle_limit) of their envelopes,
    /// so that the caller must not. Default: it does not.
    pub enforces_idle_limit: bool,
}

impl ConnectionInfo {
    /// A connection of this kind, on the carrier that is usual for it.
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

    /// Sets where the server is on a network.
    #[must_use]
    pub fn with_peer(mut self, peer: impl Into<Option<Address>>) -> Self {
        self.peer = peer.into();
        self
    }

    /// Sets the process that serves it.
    #[must_use]
    pub fn with_pid(mut self, pid: impl Into<Option<u32>>) -> Self {
        self.pid = pid.into();
        self
    }

    /// Sets whether the far end ends requests by their idle limit.
    #[must_use]
    pub fn with_idle_limit_enforced(mut self, enforced: bool) -> Self {
        self.enforces_idle_limit = enforced;
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

/// How MCP is spoken on a connection, which decides what silence and a broken connection mean while the era
/// of the server is still unknown.
///
/// Spec: basic/transports
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Binding {
    /// One shared pipe for all messages, as stdio has. A server of the legacy era may ignore an unknown
    /// first request, or end the connection.
    Pipe,
    /// Streamable HTTP: a request each. Silence and broken connections say nothing about the era.
    StreamableHttp,
    /// HTTP+SSE of revision 2024-11-05, which servers of the modern era do not offer: there is nothing to
    /// find out.
    HttpSse,
    /// A server in this process.
    InProcess,
}

/// What carries the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Carrier {
    /// Pipes or streams, such as those of a process.
    Pipe,
    /// TCP.
    Tcp,
    /// A Unix socket.
    UnixSocket,
    /// Nothing: the server is in this process.
    InProcess,
}

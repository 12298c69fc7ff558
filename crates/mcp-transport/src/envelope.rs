use std::time::Duration;

use http::Extensions;
use mcp_core::{Message, Notification, ProtocolVersion, Response};

use crate::TraceContext;

/// A message on its way out, with what the layers below have to know of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Envelope<M> {
    /// The message itself.
    pub message: M,
    /// The revision that the message is written in, which decides headers, cancellation and whether
    /// there is a session. The era belongs to each message: a transport has no mode. Absent while it is
    /// not negotiated (`initialize`), and then read as the legacy era.
    pub version: Option<ProtocolVersion>,
    /// Who limits the time that the peer may stay silent about this message. Default: the transport.
    pub idle_limit: IdleLimit,
    /// Whether the exchange is meant to stay open, as that of `subscriptions/listen` is: layers that limit
    /// the time or the number of exchanges leave it alone, and on a shared pipe its messages are found by
    /// their `io.modelcontextprotocol/subscriptionId`. Default: no.
    pub is_long_lived: bool,
    /// What a carrier with headers repeats of the parameters there. Default: nothing but what the
    /// transport reads out of the parameters of the protocol's own methods.
    pub routing: Option<Box<Routing>>,
    /// Where in a distributed trace the message belongs, for carriers with headers. Default: nowhere.
    pub trace: Option<Box<TraceContext>>,
    /// Anything that a user has to tell layers of their own, such as an `http::HeaderMap` of more headers.
    pub extensions: Extensions,
}

impl<M> Envelope<M> {
    /// An envelope with the defaults for everything beside the message.
    pub fn new(message: M) -> Self {
        Self {
            message,
            version: None,
            idle_limit: IdleLimit::default(),
            is_long_lived: false,
            routing: None,
            trace: None,
            extensions: Extensions::new(),
        }
    }

    /// Sets the revision that the message is written in.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<Option<ProtocolVersion>>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets who limits the time that the peer may stay silent.
    #[must_use]
    pub fn with_idle_limit(mut self, limit: IdleLimit) -> Self {
        self.idle_limit = limit;
        self
    }

    /// Says that the exchange is meant to stay open.
    #[must_use]
    pub fn long_lived(mut self) -> Self {
        self.is_long_lived = true;
        self
    }

    /// Sets what a carrier with headers repeats there.
    #[must_use]
    pub fn with_routing(mut self, routing: impl Into<Option<Box<Routing>>>) -> Self {
        self.routing = routing.into();
        self
    }

    /// Sets where in a distributed trace the message belongs.
    #[must_use]
    pub fn with_trace(mut self, trace: impl Into<Option<Box<TraceContext>>>) -> Self {
        self.trace = trace.into();
        self
    }

    /// Puts `value` beside the message.
    #[must_use]
    pub fn with_extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }

    /// The same with another message in it.
    pub fn map<N>(self, map: impl FnOnce(M) -> N) -> Envelope<N> {
        let Self { message, version, idle_limit, is_long_lived, routing, trace, extensions } = self;
        let message = map(message);
        Envelope { message, version, idle_limit, is_long_lived, routing, trace, extensions }
    }
}

impl<M> From<M> for Envelope<M> {
    fn from(message: M) -> Self {
        Self::new(message)
    }
}

/// Who limits the time that a peer may stay silent about a message.
///
/// One layer does: the session or another user of the exchange, who can drop it, or the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "a limit, its default, or none")]
pub enum IdleLimit {
    /// The transport, with its own limit.
    #[default]
    Transport,
    /// The transport, with this limit.
    After(Duration),
    /// The caller, or nobody: the transport waits for ever.
    Caller,
}

impl IdleLimit {
    /// The limit of a transport whose own one is `usual`. `None` is no limit.
    pub fn or(self, usual: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Transport => usual,
            Self::After(limit) => Some(limit),
            Self::Caller => None,
        }
    }
}

/// Parts of the parameters that a carrier with headers repeats there, so that what lies between client and
/// server can route by them. All values are text, not yet encoded.
///
/// Spec: basic/transports/streamable-http#custom-headers
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Routing {
    /// The value of `Mcp-Name`, for methods whose parameters the transport does not know. Default: the
    /// `name` or `uri` in the parameters of the protocol's own methods.
    pub name: Option<String>,
    /// What follows `Mcp-Param-` in the name of each header, with its value.
    pub params: Vec<(String, String)>,
}

impl Routing {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of `Mcp-Name`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the headers whose names begin with `Mcp-Param-`.
    #[must_use]
    pub fn with_params(mut self, params: Vec<(String, String)>) -> Self {
        self.params = params;
        self
    }
}

/// A message that nothing answers: a notification, or (before 2026-07-28) the response to a request of
/// the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "JSON-RPC knows no third kind")]
pub enum OneWay {
    /// A notification.
    Notification(Notification),
    /// The response to a request of the server.
    Response(Response),
}

impl OneWay {
    /// What to call it in an error: the method, or `response`.
    pub fn label(&self) -> &str {
        match self {
            OneWay::Notification(notification) => &notification.method,
            OneWay::Response(_) => "response",
        }
    }
}

impl From<Notification> for OneWay {
    fn from(notification: Notification) -> Self {
        OneWay::Notification(notification)
    }
}

impl From<Response> for OneWay {
    fn from(response: Response) -> Self {
        OneWay::Response(response)
    }
}

impl From<OneWay> for Message {
    fn from(message: OneWay) -> Self {
        match message {
            OneWay::Notification(notification) => Message::Notification(notification),
            OneWay::Response(response) => Message::Response(response),
        }
    }
}

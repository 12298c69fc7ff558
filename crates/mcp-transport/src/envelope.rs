use std::time::Duration;

use http::Extensions;
use mcp_core::{Message, Notification, ProtocolVersion, Request, Response, method};

use crate::TraceContext;

/// An outgoing message with its metadata for the transport and for layers around it.
///
/// ```
/// use std::time::Duration;
/// use mcp_core::{ProtocolVersion, Request};
/// use mcp_transport::{Envelope, IdleLimit};
///
/// let envelope = Envelope::new(Request::new(1, "tools/list"))
///     .with_version(ProtocolVersion::V2026_07_28)
///     .with_idle_limit(IdleLimit::After(Duration::from_secs(10)));
/// assert_eq!(envelope.message.method, "tools/list");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Envelope<M> {
    /// The message.
    pub message: M,
    /// The protocol version of the message. It decides headers, cancellation and whether there is a
    /// session. The version belongs to each message: a transport has no mode. Default: `None`, not
    /// negotiated yet (`initialize`), which is handled as the legacy era.
    pub version: Option<ProtocolVersion>,
    /// Which layer enforces the idle time-out of this message. Default: the transport.
    pub idle_limit: IdleLimit,
    /// Whether the exchange is expected to stay open, such as that of `subscriptions/listen`. Layers that
    /// limit the duration or the number of exchanges ignore it, and on a shared pipe its messages are
    /// routed by their `io.modelcontextprotocol/subscriptionId`. Default: by the
    /// [message](EnvelopeMessage::is_long_lived).
    pub is_long_lived: bool,
    /// Whether the caller decodes the result itself and checks by [`invalid_response`](crate::multiplex::invalid_response)
    /// why it cannot, so that a transport need not validate it as JSON. Default: `false`.
    pub skips_validation: bool,
    /// Values of the parameters to be repeated in headers, for transports that have headers. Default:
    /// `None`; the transport then derives them from the parameters of methods of the protocol.
    pub routing: Option<Box<Routing>>,
    /// The trace context of the message, for transports that have headers. Default: `None`.
    pub trace: Option<Box<TraceContext>>,
    /// Values for other layers, such as an `http::HeaderMap` with additional headers.
    pub extensions: Extensions,
}

impl<M> Envelope<M> {
    /// Creates an envelope with defaults for all metadata.
    pub fn new(message: M) -> Self
    where
        M: EnvelopeMessage,
    {
        Self {
            is_long_lived: message.is_long_lived(),
            message,
            version: None,
            idle_limit: IdleLimit::default(),
            skips_validation: false,
            routing: None,
            trace: None,
            extensions: Extensions::new(),
        }
    }

    /// Sets the protocol version of the message.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<Option<ProtocolVersion>>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets which layer enforces the idle time-out.
    #[must_use]
    pub fn with_idle_limit(mut self, limit: IdleLimit) -> Self {
        self.idle_limit = limit;
        self
    }

    /// Marks the exchange as [long-lived](Self::is_long_lived).
    #[must_use]
    pub fn long_lived(mut self) -> Self {
        self.is_long_lived = true;
        self
    }

    /// Declares that the caller decodes the result itself: see [`skips_validation`](Self::skips_validation).
    #[must_use]
    pub fn without_validation(mut self) -> Self {
        self.skips_validation = true;
        self
    }

    /// Sets the values to be repeated in headers.
    #[must_use]
    pub fn with_routing(mut self, routing: impl Into<Option<Box<Routing>>>) -> Self {
        self.routing = routing.into();
        self
    }

    /// Sets the trace context.
    #[must_use]
    pub fn with_trace(mut self, trace: impl Into<Option<Box<TraceContext>>>) -> Self {
        self.trace = trace.into();
        self
    }

    /// Adds a value to the [extensions](Self::extensions). It replaces one of the same type.
    #[must_use]
    pub fn with_extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }

    /// Replaces the message and keeps the metadata.
    pub fn map<N>(self, map: impl FnOnce(M) -> N) -> Envelope<N> {
        let Self { message, version, idle_limit, is_long_lived, .. } = self;
        let Self { skips_validation, routing, trace, extensions, .. } = self;
        let message = map(message);
        Envelope {
            message,
            version,
            idle_limit,
            is_long_lived,
            skips_validation,
            routing,
            trace,
            extensions,
        }
    }
}

impl<M: EnvelopeMessage> From<M> for Envelope<M> {
    fn from(message: M) -> Self {
        Self::new(message)
    }
}

/// What an [`Envelope`] carries: a [`Request`], a [`OneWay`], or nothing. It cannot be implemented by other
/// crates.
pub trait EnvelopeMessage: sealed::Sealed {
    /// Whether the exchange of the message stays open after its first message: that of `subscriptions/listen`.
    ///
    /// Spec: [Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/basic/utilities/subscriptions)
    fn is_long_lived(&self) -> bool {
        false
    }
}

impl EnvelopeMessage for Request {
    fn is_long_lived(&self) -> bool {
        self.method == method::SUBSCRIPTIONS_LISTEN
    }
}

impl EnvelopeMessage for OneWay {}

impl EnvelopeMessage for () {}

mod sealed {
    pub trait Sealed {}

    impl Sealed for mcp_core::Request {}
    impl Sealed for super::OneWay {}
    impl Sealed for () {}
}

/// Which layer enforces the idle time-out of a message: the longest time without a message of the peer.
///
/// Exactly one layer enforces it: the transport, or the user of the exchange, such as a session.
#[doc(alias = "timeout")]
#[doc(alias = "idle_timeout")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "a limit, its default, or none")]
pub enum IdleLimit {
    /// The transport enforces its default limit.
    #[default]
    Transport,
    /// The transport enforces this limit.
    After(Duration),
    /// The caller enforces a limit, by dropping the exchange. The transport never times out.
    Caller,
}

impl IdleLimit {
    /// Returns the limit to be enforced by a transport whose default limit is `usual`. `None` is no limit.
    pub fn or(self, usual: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Transport => usual,
            Self::After(limit) => Some(limit),
            Self::Caller => None,
        }
    }
}

/// Values of the parameters that are repeated in headers, so that intermediaries can route by them. All
/// values are plain text, not yet encoded.
///
/// Spec: [Custom
/// headers](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#custom-headers)
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Routing {
    /// The value of `Mcp-Name`, for methods that are not part of the protocol. Default: `None`; the
    /// transport then uses the `name` or `uri` parameter of methods of the protocol.
    pub name: Option<String>,
    /// The headers `Mcp-Param-*`, as pairs of the name after that prefix and the value. Default: empty.
    pub params: Vec<(String, String)>,
}

impl Routing {
    /// Creates an empty set of values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of `Mcp-Name`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the headers `Mcp-Param-*`: pairs of the name after that prefix and the value.
    #[must_use]
    pub fn with_params(mut self, params: Vec<(String, String)>) -> Self {
        self.params = params;
        self
    }
}

/// A message without a response: a notification, or (before 2026-07-28) the response to a request of the
/// server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "JSON-RPC has no third kind")]
pub enum OneWay {
    /// A notification.
    Notification(Notification),
    /// The response to a request of the server.
    Response(Response),
}

impl OneWay {
    /// A label for errors: the method, or `response`.
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

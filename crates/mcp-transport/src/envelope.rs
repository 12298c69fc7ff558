use std::time::Duration;

use http::Extensions;
use mcp_core::{Message, Notification, ProtocolVersion, Response};

/// A message on its way out, with what travels beside it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Envelope<M> {
    /// The message itself.
    pub message: M,
    /// The revision that the message is written in, which decides headers, cancellation and whether
    /// there is a session. The era belongs to each message: a transport has no mode. Absent while it is
    /// not negotiated (`initialize`), and then read as the legacy era.
    pub version: Option<ProtocolVersion>,
    /// Anything else for the layers below, such as an `http::HeaderMap` of more headers.
    pub extensions: Extensions,
}

impl<M> Envelope<M> {
    /// An envelope without a version and without extensions.
    pub fn new(message: M) -> Self {
        Self { message, version: None, extensions: Extensions::new() }
    }

    /// Sets the revision that the message is written in.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<Option<ProtocolVersion>>) -> Self {
        self.version = version.into();
        self
    }

    /// Puts `value` beside the message.
    #[must_use]
    pub fn with_extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }
}

impl<M> From<M> for Envelope<M> {
    fn from(message: M) -> Self {
        Self::new(message)
    }
}

/// How long the peer may stay silent about a request, beside its [`Envelope`] as an extension: for
/// requests that may take longer than a transport allows by itself. `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a number with a name")]
pub struct IdleLimit(pub Option<Duration>);

/// Arguments of a tool that a carrier with headers repeats there, beside their [`Envelope`] as an
/// extension: what follows `Mcp-Param-` in the name, and the value as text, not yet encoded.
///
/// Spec: basic/transports/streamable-http#custom-headers
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "a list with a name")]
pub struct ParamHeaders(pub Vec<(String, String)>);

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

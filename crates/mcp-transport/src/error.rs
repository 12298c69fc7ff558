use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

/// A failure of a request, a message or a connection below the protocol.
///
/// A JSON-RPC error object is never an `Error`: it is a response, whatever its HTTP status. The type has
/// the size of a pointer and is cheap to clone, since one broken pipe fails many exchanges.
///
/// `Display` prints the target, the method and the message of this level only; [`source`](std::error::Error::source)
/// has the cause.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    delivery: Delivery,
    target: Option<Cow<'static, str>>,
    method: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    hint: Option<&'static str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The category of an [`Error`], to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server could not be reached or started: connection refused, unknown command or directory, TLS
    /// failure.
    Connect,
    /// The connection has ended: closed by either side, or the process exited. Every further request on it
    /// fails too.
    Closed,
    /// The connection broke before the response arrived. Only this request is lost: the next one opens
    /// another connection.
    Interrupted,
    /// A time-out elapsed.
    Timeout,
    /// A message is larger than the limit, which is part of the text.
    TooLarge,
    /// The reader of an exchange was too slow, and the queue of its messages is full.
    Lagged,
    /// The peer violated the protocol: invalid JSON-RPC, a wrong id, a stream that ends without a response.
    Protocol,
    /// HTTP status 4xx without a JSON-RPC body, except 401, 403, 408 and 429: the endpoint does not accept
    /// such a request. The source is a `StatusError`.
    Rejected,
    /// HTTP status 408, 429, 5xx or another one without a response: an outage. The source is a
    /// `StatusError`.
    Unavailable,
    /// HTTP status 401 (credentials required) or 403 (credentials rejected).
    Unauthorized,
    /// The server lost the session, and a new session could not be opened or did not help.
    SessionExpired,
    /// An HTTP redirect that must not be followed.
    Redirect,
    /// The peer ended this exchange without a response.
    Cancelled,
    /// The call is invalid, such as a request whose id is already in flight.
    InvalidRequest,
    /// A setting is invalid or a feature is not enabled.
    Config,
    /// Any other failure.
    Other,
}

/// How far a message got before the failure. Decides whether it may be retried.
#[doc(alias = "retry")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a fourth variant would break every retry decision")]
pub enum Delivery {
    /// No byte reached the peer: safe to retry.
    NotSent,
    /// The message may have reached the peer, and may have been executed.
    Unknown,
    /// The peer responded to the message.
    Answered,
}

impl Error {
    /// Creates an error with delivery [`Unknown`](Delivery::Unknown).
    ///
    /// `message` is lower case, without a full stop, and describes this level only.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            delivery: Delivery::Unknown,
            target: None,
            method: None,
            message: message.into(),
            hint: None,
            source: None,
        }))
    }

    /// Sets how far the message got. Default: [`Unknown`](Delivery::Unknown).
    #[must_use]
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.0.delivery = delivery;
        self
    }

    /// Sets the subject of the error, such as a URL without credentials. `Display` prints it before the
    /// message.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<Cow<'static, str>>) -> Self {
        self.0.target = Some(target.into());
        self
    }

    /// Sets the method of the message that failed. `Display` prints it before the message.
    #[must_use]
    pub fn with_method(mut self, method: impl Into<Cow<'static, str>>) -> Self {
        self.0.method = Some(method.into());
        self
    }

    /// Sets what to try next, for the layer that reports the error to a user; see [`hint`](Self::hint).
    #[must_use]
    pub fn with_hint(mut self, hint: &'static str) -> Self {
        self.0.hint = Some(hint);
        self
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The category of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// How far the message got.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// The subject of the error, such as a URL, if it is not part of the message.
    pub fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
    }

    /// The method of the message that failed, if it is not part of the message of the error.
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// The message without target and method, for layers that print those themselves.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The hint on what to try next, if this level knows more than the kind implies. Not printed by `Display`, so that
    /// the text of an error chain has one hint, from the layer that reports it.
    pub fn hint(&self) -> Option<&'static str> {
        self.0.hint
    }

    /// Whether the whole connection has ended, so that every further request on it fails too.
    pub fn is_closed(&self) -> bool {
        self.0.kind == ErrorKind::Closed
    }

    /// Returns the first error of type `E` in the chain of sources, such as `StatusError` or `ExitError`.
    pub fn find<E: StdError + 'static>(&self) -> Option<&E> {
        let mut next = self.source();
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.0.target, &self.0.method].into_iter().flatten() {
            write!(f, "{part}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, delivery, target, method, message, hint: _, source } = &*self.0;
        let mut debug = f.debug_struct("Error");
        debug.field("kind", kind).field("delivery", delivery);
        if let Some(target) = target {
            debug.field("target", target);
        }
        if let Some(method) = method {
            debug.field("method", method);
        }
        debug.field("message", message);
        if let Some(source) = source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl mcp_core::PublicError for Error {}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

/// Why a request, a message or a connection failed below the protocol.
///
/// What a peer *answers* is never an `Error`: a JSON-RPC error object is a response, whatever HTTP
/// status it came with. Pointer-sized and cheap to clone, since one broken pipe fails many exchanges.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    delivery: Delivery,
    target: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What went wrong, to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The peer could not be reached: nothing listens, no such command, no such directory, no TLS.
    Connect,
    /// The connection is over: closed by us or by the peer, or the process has ended.
    Closed,
    /// The connection broke before the answer arrived. Only this request is lost: the next one opens
    /// another connection.
    Interrupted,
    /// A wait reached its limit.
    Timeout,
    /// A message is larger than the limit, which the text names.
    TooLarge,
    /// More messages arrived for one exchange than were read.
    Lagged,
    /// The peer broke the protocol: no JSON-RPC, the wrong id, a stream that ends without an answer.
    Protocol,
    /// HTTP answered 4xx without a JSON-RPC body, other than 401, 403, 408 and 429: the endpoint does
    /// not take such a request. `StatusError` is the source.
    Rejected,
    /// HTTP answered 408, 429, 5xx or anything else that is no answer: an outage. `StatusError` is the
    /// source.
    Unavailable,
    /// HTTP asks for credentials (401), or refuses the ones it got (403).
    Unauthorized,
    /// The server has lost the session, and opening a new one did not help.
    SessionExpired,
    /// HTTP answered with a redirect that may not be followed.
    Redirect,
    /// The peer ended this exchange without an answer.
    Cancelled,
    /// The call itself is wrong, such as an id that is in flight already.
    InvalidRequest,
    /// A setting is wrong or a feature is missing.
    Config,
    /// Anything else.
    Other,
}

/// How far the message got, to decide whether it may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a fourth answer would break every retry decision")]
pub enum Delivery {
    /// Not a byte of it reached the peer: it may be sent again.
    NotSent,
    /// It may have reached the peer, and may have been executed.
    Unknown,
    /// The peer reacted to it.
    Answered,
}

impl Error {
    /// An error whose message has an unknown fate; see [`with_delivery`](Error::with_delivery).
    ///
    /// `message` is lower case, without a full stop, and says what happened at this level only.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            delivery: Delivery::Unknown,
            target: None,
            message: message.into(),
            source: None,
        }))
    }

    /// Sets how far the message got.
    #[must_use]
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.0.delivery = delivery;
        self
    }

    /// Names what it is about, such as a URL without credentials. `Display` puts it in front of the message.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<Cow<'static, str>>) -> Self {
        self.0.target = Some(target.into());
        self
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// How far the message got.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// What it is about, such as a URL, if that is not part of the message.
    pub fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
    }

    /// What happened, without the target: for layers that name that themselves.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the whole connection is over, so that every further request on it would fail too.
    pub fn is_closed(&self) -> bool {
        self.0.kind == ErrorKind::Closed
    }

    /// The first cause of type `E` in the chain of sources, such as `StatusError` or `ExitError`.
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
        if let Some(target) = &self.0.target {
            write!(f, "{target}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, delivery, target, message, source } = &*self.0;
        let mut debug = f.debug_struct("Error");
        debug.field("kind", kind).field("delivery", delivery);
        if let Some(target) = target {
            debug.field("target", target);
        }
        debug.field("message", message);
        if let Some(source) = source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

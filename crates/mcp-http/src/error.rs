use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a request failed, or the body of its response.
///
/// It concerns this request alone: the client stays usable. One pointer in size. `Display` shows
/// this level only; the cause is in [`source`](StdError::source).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    not_sent: bool,
}

/// What kind of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL is not an absolute `http` or `https` URL with a host, or that of a proxy is not valid.
    InvalidUrl,
    /// No connection could be made.
    Connect(ConnectStep),
    /// A time-out elapsed.
    Timeout(Wait),
    /// The server closed the connection before the answer was complete.
    Closed,
    /// The connection was reset or broke.
    Reset,
    /// What the server sent is not HTTP.
    Protocol,
    /// A redirect was not followed.
    Redirect,
    /// An `https` URL, and this build has no TLS.
    TlsUnavailable,
    /// What the server sent is over one of the client's limits.
    TooLarge,
    /// The body of the response is broken.
    Body,
    /// The hook that gives the headers of a request failed: its error is the source.
    Hook,
    /// The request cannot be authorized, or the server refuses what authorizes it: a login is needed, was
    /// denied, or something of the authorization server cannot be trusted. Its cause is the source.
    Unauthorized,
    /// What is needed to authorize the request failed in a way that may pass, such as an authorization server
    /// that responds with a 5xx status. Its cause is the source.
    Unavailable,
    /// Something else, such as an error of a custom service.
    Other,
}

/// Where making a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectStep {
    /// The host name was not found.
    Dns,
    /// Nothing listens at the port.
    Refused,
    /// There is no route to the host.
    Unreachable,
    /// The proxy cannot be reached, refuses the client, or cannot reach the server. The message names
    /// it.
    Proxy,
    /// The TLS handshake failed: an untrusted certificate, no common version, a refusal.
    Tls,
    /// The address is one that the client may not connect to; see
    /// [`HttpClient::apart`](crate::HttpClient::apart).
    Forbidden,
    /// Some other step.
    Other,
}

/// What a time-out was waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// The connection, TLS included.
    Connect,
    /// Progress in writing the request.
    Write,
    /// The next byte of the response.
    Read,
    /// The hook that gives the headers of a request.
    Hook,
}

impl Error {
    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether certainly no byte of the request reached the server, so that sending it again is safe.
    /// `false` means that it is not known.
    #[must_use]
    pub fn is_not_sent(&self) -> bool {
        self.0.not_sent
    }

    /// Whether a time-out elapsed, of whatever kind.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout(_))
    }

    /// The error of some service or body: itself if it is an `Error` already, else one of kind
    /// [`Other`](ErrorKind::Other) with it as the source.
    pub fn from_service(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        match error.into().downcast::<Self>() {
            Ok(error) => *error,
            Err(other) => Self::new(ErrorKind::Other, "the HTTP service failed").with_source(other),
        }
    }

    /// A failure of an [`Authorize`](crate::Authorize) that no repetition helps against:
    /// [`Unauthorized`](ErrorKind::Unauthorized).
    pub fn unauthorized(
        message: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(ErrorKind::Unauthorized, message).with_source(source)
    }

    /// A failure of an [`Authorize`](crate::Authorize) that may pass:
    /// [`Unavailable`](ErrorKind::Unavailable).
    pub fn unavailable(
        message: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(ErrorKind::Unavailable, message).with_source(source)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None, not_sent: false }))
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The same with more text.
    pub(crate) fn amended(mut self, text: &str) -> Self {
        self.0.message = format!("{}; {text}", self.0.message).into();
        self
    }

    pub(crate) fn not_sent(mut self) -> Self {
        self.0.not_sent = true;
        self
    }

    pub(crate) fn read_timeout(limit: Duration) -> Self {
        Self::new(ErrorKind::Timeout(Wait::Read), format!("the server sent nothing for {limit:?}"))
    }

    pub(crate) fn too_large(what: &str, limit: usize) -> Self {
        Self::new(ErrorKind::TooLarge, format!("{what} is over the limit of {limit} bytes"))
    }
}

/// Marks a write that made no progress: the cause of an [`io::Error`](std::io::Error).
#[derive(Debug)]
pub(crate) struct WriteStalled(pub(crate) Duration);

impl fmt::Display for WriteStalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server took no byte for {:?}", self.0)
    }
}

impl StdError for WriteStalled {}

/// The first error of type `T` in the chain that starts at `error`.
pub(crate) fn find<'a, T: StdError + 'static>(
    mut error: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    loop {
        match error.downcast_ref() {
            Some(found) => return Some(found),
            None => error = error.source()?,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind);
        debug.field("message", &self.0.message);
        debug.field("not_sent", &self.0.not_sent);
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

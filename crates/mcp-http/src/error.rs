use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use crate::url::SafeUrl;

/// Error of a request or of reading the body of its response.
///
/// It concerns this request only: the client stays usable. The size is one pointer. `Display` prints this level only;
/// the cause is in [`source`](StdError::source).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    /// The message without the server, if it contains the server.
    unnamed: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    not_sent: bool,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL is not an absolute `http` or `https` URL with a host, or the URL of a proxy is not valid.
    InvalidUrl,
    /// A connection could not be opened.
    Connect(ConnectStep),
    /// A timeout elapsed.
    Timeout(Wait),
    /// The server closed the connection before the response was complete.
    Closed,
    /// The connection was reset or broke.
    Reset,
    /// The server sent data that is not HTTP.
    Protocol,
    /// A redirect was not followed.
    Redirect,
    /// The URL is `https`, and this build has no TLS support.
    TlsUnavailable,
    /// The server sent more than one of the client's limits allows.
    TooLarge,
    /// The body of the response is malformed.
    Body,
    /// The header hook failed: its error is the source.
    Hook,
    /// The request cannot be authorized, or the server refuses its credentials: a login is needed or was denied, or the
    /// authorization server cannot be trusted. The cause is the source.
    Unauthorized,
    /// The credentials are temporarily unavailable, for example because the authorization server responds with a 5xx
    /// status. The cause is the source.
    Unavailable,
    /// Another error, for example of a custom service.
    Other,
}

/// The step at which connecting failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectStep {
    /// The host name was not found.
    Dns,
    /// Nothing listens at the port.
    Refused,
    /// There is no route to the host.
    Unreachable,
    /// The proxy cannot be reached, refuses the client, or cannot reach the server. The message names the proxy.
    Proxy,
    /// The TLS handshake failed: an untrusted certificate, no common version, a refusal.
    Tls,
    /// The client is not allowed to connect to the address; see [`HttpClient::apart`](crate::HttpClient::apart).
    Forbidden,
    /// Another step.
    Other,
}

/// The operation that a timeout limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// Opening the connection, including TLS.
    Connect,
    /// Progress of writing the request.
    Write,
    /// The next byte of the response.
    Read,
    /// The header hook.
    Hook,
}

impl Error {
    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether no byte of the request reached the server, so that a retry is safe. False means unknown.
    #[must_use]
    pub fn is_not_sent(&self) -> bool {
        self.0.not_sent
    }

    /// Whether a timeout of any kind elapsed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout(_))
    }

    /// Converts the error of a service or body: returns an `Error` unchanged, and wraps any other as kind
    /// [`Other`](ErrorKind::Other).
    pub fn from_service(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        match error.into().downcast::<Self>() {
            Ok(error) => *error,
            Err(other) => Self::new(ErrorKind::Other, "the HTTP service failed").with_source(other),
        }
    }

    /// A permanent failure of an [`Authorize`](crate::Authorize), which a retry does not fix:
    /// [`Unauthorized`](ErrorKind::Unauthorized).
    pub fn unauthorized(
        message: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(ErrorKind::Unauthorized, message).with_source(source)
    }

    /// A temporary failure of an [`Authorize`](crate::Authorize): [`Unavailable`](ErrorKind::Unavailable).
    pub fn unavailable(
        message: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(ErrorKind::Unavailable, message).with_source(source)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { kind, message, unnamed: None, source: None, not_sent: false }))
    }

    /// A failure to connect to `server`, which the message names after `what` and before `how`.
    pub(crate) fn connecting(kind: ErrorKind, what: &str, server: &Uri, how: &str) -> Self {
        let mut error = Self::new(kind, format!("{what} to {}{how}", SafeUrl(server).origin()));
        error.0.unnamed = Some(format!("{what}{how}"));
        error
    }

    /// Removes the server from the message, since an outer error names it.
    pub(crate) fn without_server(mut self) -> Self {
        if let Some(message) = self.0.unnamed.take() {
            self.0.message = message.into();
        }
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Appends to the message.
    pub(crate) fn amended(mut self, text: &str) -> Self {
        self.0.message = format!("{}; {text}", self.0.message).into();
        self.0.unnamed = self.0.unnamed.map(|message| format!("{message}; {text}"));
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
        Self::new(ErrorKind::TooLarge, format!("{what} exceeds the limit of {limit} bytes"))
    }
}

/// Marks a write without progress, as the source of an [`io::Error`](std::io::Error).
#[derive(Debug)]
pub(crate) struct WriteStalled(pub(crate) Duration);

impl fmt::Display for WriteStalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server read nothing for {:?}", self.0)
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

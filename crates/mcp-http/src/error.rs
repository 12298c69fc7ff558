use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a request failed, or the body of its response.
///
/// It concerns this request alone: the client stays usable. One pointer in size. `Display` tells
/// this level only; the cause is in [`source`](StdError::source).
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    not_sent: bool,
}

/// What kind of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL is not an absolute `http` or `https` URL with a host, or that of a proxy is none.
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
    /// What the server sent is over a limit of ours.
    TooLarge,
    /// The body of the response is broken.
    Body,
    /// The hook that gives the headers of a request failed: its error is the source.
    Hook,
    /// Something else, such as an error of a user's own service.
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
    /// There is no way to the host.
    Unreachable,
    /// The proxy is not there, lets nobody in, or cannot reach the server. The message names it.
    Proxy,
    /// The TLS handshake failed: an untrusted certificate, no common version, a refusal.
    Tls,
    /// Some other step.
    Other,
}

/// What a time-out waited for.
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

    /// Whether it is certain that no byte of the request reached the server, so that sending it
    /// again cannot do anything twice. `false` means that it is not known.
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

    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None, not_sent: false }))
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
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

    /// A failure of the connection while `doing` something with it.
    pub(crate) fn from_hyper(error: hyper::Error, doing: Doing) -> Self {
        let (kind, message) = match cause(&error) {
            Some(cause) => cause,
            None if error.is_canceled() || error.is_closed() || error.is_incomplete_message() => {
                (ErrorKind::Closed, doing.closed())
            }
            // Headers without an end are among these: hyper tells them apart for servers alone.
            None if error.is_parse() => (ErrorKind::Protocol, "the answer is not HTTP"),
            None => match doing {
                Doing::Headers => (ErrorKind::Protocol, "the HTTP exchange failed"),
                Doing::Body => (ErrorKind::Body, "the body of the response is broken"),
            },
        };
        let message = match kind {
            ErrorKind::Closed => doing.closed(),
            _ => message,
        };
        let canceled = error.is_canceled();
        let mapped = Self::new(kind, message).with_source(error);
        if canceled { mapped.not_sent() } else { mapped }
    }
}

/// What was going on when a connection failed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing {
    Headers,
    Body,
}

impl Doing {
    fn closed(self) -> &'static str {
        match self {
            Self::Headers => "the server closed the connection without an answer",
            Self::Body => "the server closed the connection in the middle of the response",
        }
    }
}

/// The mark of a write that made no progress, as the cause of an [`io::Error`].
#[derive(Debug)]
pub(crate) struct WriteStalled(pub(crate) Duration);

impl fmt::Display for WriteStalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server took no byte for {:?}", self.0)
    }
}

impl StdError for WriteStalled {}

/// What the system or TLS says about the failure, if one of them is at its root.
fn cause(error: &hyper::Error) -> Option<(ErrorKind, &'static str)> {
    let error = find::<io::Error>(error)?;
    #[cfg(feature = "_tls")]
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        let message = match crate::tls::wants_certificate(error) {
            true => "the server asks for a certificate of the client",
            false => "the TLS connection failed",
        };
        return Some((ErrorKind::Connect(ConnectStep::Tls), message));
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Some((ErrorKind::Closed, "")),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected => Some((ErrorKind::Reset, "the connection was reset")),
        io::ErrorKind::TimedOut
            if error.get_ref().is_some_and(|inner| inner.is::<WriteStalled>()) =>
        {
            Some((ErrorKind::Timeout(Wait::Write), "the server stopped taking the request"))
        }
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => {
            Some((ErrorKind::Reset, "the connection broke"))
        }
        _ => None,
    }
}

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

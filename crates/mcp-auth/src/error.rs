use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use mcp_core::Excerpt;

/// Maximum length of a quoted text of an authorization server, in characters.
const SHOWN_LENGTH: usize = 200;

/// Why a request could not be authorized. One pointer in size and cheap to clone, since many callers wait for the same
/// login.
///
/// Neither its texts nor its `Debug` contain a token, a code, a secret or the `state` of a login.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    code: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The category of an [`Error`], to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A user has to log in and cannot be asked: the request is a background request, or there is no user agent.
    LoginRequired,
    /// The user or the authorization server denied the login.
    Denied,
    /// The login was not completed in time.
    Timeout,
    /// An issuer, a resource or an origin does not match. Nothing was sent there.
    Untrusted,
    /// The authorization server refused a request; see [`Error::code`].
    Refused,
    /// The authorization server cannot be reached or responded with a 5xx status. Transient.
    Unavailable,
    /// There is no client id for this authorization server.
    Registration,
    /// The authorization server does not support a required feature.
    Unsupported,
    /// Invalid data from an authorization server.
    Protocol,
    /// Tokens could not be loaded or saved.
    Store,
    /// A setting is invalid or missing.
    Config,
}

impl Error {
    /// Creates an error with a message: lower case, no full stop.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), code: None, source: None }))
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.change(|inner| inner.source = Some(source.into()))
    }

    /// Sets the `error` code of the authorization server, such as `invalid_grant`.
    #[must_use]
    pub fn with_code(self, code: &str) -> Self {
        let code = one_line(code);
        self.change(|inner| inner.code = Some(code))
    }

    /// Mutates the inner value: a builder holds the only handle.
    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }

    /// The category of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The `error` code of the authorization server, such as `invalid_grant`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Whether a retry may succeed without any change.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.kind == ErrorKind::Unavailable
    }

    /// Converts into the error of the HTTP request that needed the authorization.
    pub(crate) fn into_http(self) -> mcp_http::Error {
        match self.is_transient() {
            true => mcp_http::Error::unavailable("the authorization server is not available", self),
            false => mcp_http::Error::unauthorized("the authorization failed", self),
        }
    }
}

/// Quotes text of an authorization server as one line of at most 200 printable characters.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = Excerpt(&words).to_string();
    match line.char_indices().nth(SHOWN_LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
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
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(code) = &self.0.code {
            debug.field("code", code);
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl mcp_core::PublicError for Error {}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

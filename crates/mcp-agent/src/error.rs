use std::{error::Error as StdError, fmt};

use mcp_session::{Error, ErrorKind};

/// The error of listing or calling tools, and of reading apps.
///
/// `Display` includes all causes, and `source()` returns `None`, as for the errors of a session.
#[derive(Debug, Clone)]
pub struct AgentError(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: AgentErrorKind,
    /// The name of the function, or the URI of the app.
    subject: Option<String>,
    message: String,
    call: Option<Error>,
}

/// The kind of an [`AgentError`], to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AgentErrorKind {
    /// The model called a tool that does not exist, or no longer exists.
    UnknownTool,
    /// The arguments that the model wrote are not a JSON object.
    Arguments,
    /// The reply of the model does not have the shape of its API.
    Reply,
    /// The request failed, or the server responded with an error: see [`AgentError::call`].
    Call,
    /// The metadata of an app is malformed.
    AppMeta,
    /// The resource is not an app: another URI, another MIME type, or no text.
    AppResource,
}

impl AgentError {
    pub(crate) fn new(kind: AgentErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, subject: None, message: message.into(), call: None }))
    }

    pub(crate) fn about(mut self, subject: &str) -> Self {
        self.0.subject = Some(subject.to_owned());
        self
    }

    /// The kind of the error.
    pub fn kind(&self) -> AgentErrorKind {
        self.0.kind
    }

    /// The tool, by the name of its function, or the app, by its URI.
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// The error of the session, for kind [`Call`](AgentErrorKind::Call).
    pub fn call(&self) -> Option<&Error> {
        self.0.call.as_ref()
    }
}

impl From<Error> for AgentError {
    fn from(error: Error) -> Self {
        let mut this = Self::new(AgentErrorKind::Call, "");
        this.0.call = Some(error);
        this
    }
}

/// For functions that return session errors. The error of a call keeps its kind.
impl From<AgentError> for Error {
    fn from(error: AgentError) -> Self {
        let Inner { kind, subject, message, call } = *error.0;
        if let Some(call) = call {
            return call;
        }
        let kind = match kind {
            AgentErrorKind::UnknownTool => ErrorKind::InvalidRequest,
            AgentErrorKind::Arguments => ErrorKind::Arguments,
            _ => ErrorKind::Decode,
        };
        Self::new(kind, subject.unwrap_or_else(|| "the model".to_owned()), message)
    }
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { subject, message, call, .. } = &*self.0;
        if let Some(subject) = subject {
            write!(f, "{subject}: ")?;
        }
        match call {
            Some(error) => write!(f, "{error}"),
            None => f.write_str(message),
        }
    }
}

impl StdError for AgentError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_convert_into_those_of_sessions() {
        let error = AgentError::new(AgentErrorKind::UnknownTool, "there is no such tool");
        let error = error.about("search");
        assert_eq!(error.to_string(), "search: there is no such tool");
        let error = Error::from(error);
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert_eq!(error.to_string(), "search: there is no such tool");
        let call = Error::new(ErrorKind::Timeout, "shop", "no answer");
        let error = AgentError::from(call).about("search");
        assert!(error.to_string().starts_with("search: shop: no answer"), "{error}");
        assert_eq!(Error::from(error).kind(), ErrorKind::Timeout);
    }
}

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use mcp_core::{CallToolResult, ErrorObject, InputRequiredResult, method};
use mcp_transport::Delivery;

/// Why a session could not be opened, or a call failed: one flat type that names the server, the method
/// and the cause, and tells what to do next.
///
/// `Display` prints the whole story in one line. What a tool reports as its own failure is no error: see
/// `CallToolResult::into_result`.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    server: Arc<str>,
    method: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    delivery: Delivery,
    cause: Cause,
}

#[derive(Clone)]
enum Cause {
    None,
    Transport(mcp_transport::Error),
    Answer(ErrorObject),
    Input(Arc<InputRequiredResult>),
    Result(Arc<CallToolResult>),
    Other(Arc<dyn StdError + Send + Sync>),
}

/// What went wrong, to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was named as a server cannot be one.
    Target,
    /// The server answered with a JSON-RPC error; see [`Error::answer`].
    Answer,
    /// Below the protocol; the kind is the transport's.
    Transport(mcp_transport::ErrorKind),
    /// A wait reached its limit.
    Timeout,
    /// The connection is over, or the process has ended.
    Closed,
    /// Client and server share no revision of the protocol.
    Version,
    /// The answer does not have the shape that its method asks for.
    Decode,
    /// The server wants input (elicitation, sampling, roots) that this client does not give; see
    /// [`Error::input_required`].
    InputRequired,
    /// The arguments of the call cannot be sent as they are.
    Arguments,
    /// A list does not end: too many pages, or a cursor that came twice.
    Pagination,
    /// The method does not exist in the era of this session.
    Unsupported,
    /// The tool ran and failed, where its result was asked for as data; see [`Error::result`].
    Tool,
    /// The result of a tool is not what its `outputSchema` says, or does not hold the type that was asked
    /// for; see [`Error::result`].
    Output,
    /// The `outputSchema` of a tool cannot be used, so that its result was not judged; see
    /// [`Error::result`].
    Schema,
    /// An extension of the protocol says so; what it says is the source.
    Extension,
}

impl Error {
    /// An error about `server`, in lower case and without a full stop.
    pub fn new(
        kind: ErrorKind,
        server: impl Into<Arc<str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            server: server.into(),
            method: None,
            message: message.into(),
            delivery: Delivery::NotSent,
            cause: Cause::None,
        }))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The name of the server: as it was configured, else its command or URL.
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// The method that failed; `None` where it is the connection.
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// How far the request got, to decide whether it may be sent again.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// The JSON-RPC error that the server answered with.
    pub fn answer(&self) -> Option<&ErrorObject> {
        match &self.0.cause {
            Cause::Answer(error) => Some(error),
            _ => None,
        }
    }

    /// The error of the transport, which has the details: status, exit code, last words.
    pub fn transport(&self) -> Option<&mcp_transport::Error> {
        match &self.0.cause {
            Cause::Transport(error) => Some(error),
            _ => None,
        }
    }

    /// What the server asked for before it goes on.
    pub fn input_required(&self) -> Option<&InputRequiredResult> {
        match &self.0.cause {
            Cause::Input(input) => Some(input),
            _ => None,
        }
    }

    /// The whole result of the tool that is at fault: of the kinds [`Tool`](ErrorKind::Tool),
    /// [`Output`](ErrorKind::Output) and [`Schema`](ErrorKind::Schema).
    pub fn result(&self) -> Option<&CallToolResult> {
        match &self.0.cause {
            Cause::Result(result) => Some(result),
            _ => None,
        }
    }

    /// The error with which a server answered something other than a request, such as a task.
    pub fn answered(server: impl Into<Arc<str>>, error: ErrorObject) -> Self {
        Self::from_answer(&server.into(), error)
    }

    /// The error that a server asks for input that it does not get, with why in `message`.
    pub fn unanswered(
        server: impl Into<Arc<str>>,
        input: InputRequiredResult,
        message: impl Into<String>,
    ) -> Self {
        Self::from_input(&server.into(), input, message.into())
    }

    pub(crate) fn from_transport(server: &Arc<str>, error: mcp_transport::Error) -> Self {
        let kind = match error.kind() {
            mcp_transport::ErrorKind::Timeout => ErrorKind::Timeout,
            mcp_transport::ErrorKind::Closed => ErrorKind::Closed,
            kind => ErrorKind::Transport(kind),
        };
        let mut this = Self::new(kind, Arc::clone(server), "");
        this.0.delivery = error.delivery();
        this.0.cause = Cause::Transport(error);
        this
    }

    pub(crate) fn from_answer(server: &Arc<str>, error: ErrorObject) -> Self {
        let mut this = Self::new(ErrorKind::Answer, Arc::clone(server), "the server answered");
        this.0.delivery = Delivery::Answered;
        this.0.cause = Cause::Answer(error);
        this
    }

    pub(crate) fn from_input(
        server: &Arc<str>,
        input: InputRequiredResult,
        message: String,
    ) -> Self {
        let mut this = Self::new(ErrorKind::InputRequired, Arc::clone(server), message);
        this.0.delivery = Delivery::Answered;
        this.0.cause = Cause::Input(Arc::new(input));
        this
    }

    /// About a result of a tool that arrived.
    pub(crate) fn from_result(
        kind: ErrorKind,
        server: &Arc<str>,
        result: CallToolResult,
        message: String,
    ) -> Self {
        let mut this = Self::new(kind, Arc::clone(server), message).with_method(method::TOOLS_CALL);
        this.0.delivery = Delivery::Answered;
        this.0.cause = Cause::Result(Arc::new(result));
        this
    }

    pub(crate) fn decode(server: &Arc<str>, error: serde_json::Error) -> Self {
        Self::new(ErrorKind::Decode, Arc::clone(server), "the answer has the wrong shape")
            .with_delivery(Delivery::Answered)
            .with_source(error)
    }

    /// Names the method that failed, unless one is named already.
    #[must_use]
    pub fn with_method(mut self, method: impl Into<Cow<'static, str>>) -> Self {
        self.0.method.get_or_insert(method.into());
        self
    }

    /// Sets how far the request got.
    #[must_use]
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.0.delivery = delivery;
        self
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.cause = Cause::Other(Arc::from(source.into()));
        self
    }

    /// A transport names the method and the server too, for those who use it alone.
    fn without_names(&self, text: String) -> String {
        let method = self.0.method.as_deref().unwrap_or_default();
        let rest = strip_name(&text, method);
        strip_name(rest, &self.0.server).to_owned()
    }

    fn hint(&self) -> Option<&'static str> {
        use mcp_transport::ErrorKind as Transport;
        let opening = matches!(self.method(), Some(method::SERVER_DISCOVER | method::INITIALIZE));
        Some(match self.0.kind {
            // A command that cannot be started has no method yet, and its text says all.
            ErrorKind::Transport(Transport::Connect) if self.0.method.is_some() => {
                "is the URL right, and does the server run there?"
            }
            // A stream that is refused to begin with has no method.
            ErrorKind::Transport(Transport::Rejected) if opening || self.0.method.is_none() => {
                "is this the URL of an MCP endpoint? its path is often /mcp"
            }
            ErrorKind::Transport(Transport::Protocol) | ErrorKind::Decode if opening => {
                "is this an MCP server?"
            }
            ErrorKind::Transport(Transport::Unavailable) => "try again later, or is the URL wrong?",
            ErrorKind::Transport(Transport::Unauthorized) => {
                "pass credentials, such as a bearer token"
            }
            ErrorKind::Transport(Transport::TooLarge) => {
                "raise the limit in the transport's limits"
            }
            ErrorKind::Transport(Transport::SessionExpired) => "connect again",
            ErrorKind::Closed if opening => {
                "does the server run by itself, and does it speak MCP on these streams?"
            }
            ErrorKind::Closed if self.0.method.is_some() => "connect again",
            ErrorKind::Timeout => "is the server stuck? a longer time-out can be set",
            ErrorKind::Version => "use a newer server, or another mode",
            _ => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.server)?;
        if let Some(method) = &self.0.method {
            write!(f, ": {method}")?;
        }
        if !self.0.message.is_empty() {
            write!(f, ": {}", self.0.message)?;
        }
        let mut last = String::new();
        let mut next = StdError::source(self);
        while let Some(cause) = next {
            let text = self.without_names(cause.to_string());
            // Some texts of a system end with that of their cause.
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            last = text;
            // One of ours has told its causes.
            next = cause.source().filter(|_| !cause.is::<Self>());
        }
        match self.hint() {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// The text without the name that it begins with.
fn strip_name<'a>(text: &'a str, name: &str) -> &'a str {
    let rest = text.strip_prefix(name).filter(|_| !name.is_empty());
    rest.and_then(|rest| rest.strip_prefix(": ").or(rest.strip_prefix(' '))).unwrap_or(text)
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("delivery", &self.0.delivery)
            .field("text", &self.to_string())
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.cause {
            Cause::None | Cause::Input(_) | Cause::Result(_) => None,
            Cause::Transport(error) => Some(error),
            Cause::Answer(error) => Some(error),
            Cause::Other(error) => Some(&**error),
        }
    }
}

#[cfg(test)]
mod tests {
    use mcp_transport::{Error as Below, ErrorKind as Kind};

    use super::*;

    fn text(server: &str, method: Option<&'static str>, error: Below) -> String {
        let error = Error::from_transport(&server.into(), error);
        method.into_iter().fold(error, Error::with_method).to_string()
    }

    #[test]
    fn nothing_is_said_twice() {
        let url = "http://host/mcp";
        let refused = Below::new(Kind::Interrupted, format!("{url} cannot be reached"))
            .with_source(Below::new(Kind::Other, "connection refused (os error 111)"));
        assert_eq!(
            text(url, Some("tools/call"), refused.clone()),
            "http://host/mcp: tools/call: cannot be reached: connection refused (os error 111)"
        );
        // A name of the user's own says less than the URL.
        assert_eq!(
            text("shop", None, refused),
            "shop: http://host/mcp cannot be reached: connection refused (os error 111)"
        );
        let denied = Below::new(Kind::Other, "cannot start it: denied")
            .with_source(Below::new(Kind::Other, "denied"));
        assert_eq!(text("shop", None, denied), "shop: cannot start it: denied");
        let named = Below::new(Kind::Other, "tools/call: too much");
        assert_eq!(text("shop", Some("tools/call"), named), "shop: tools/call: too much");
        // No name, though it begins like one.
        let like = Below::new(Kind::Other, "shoplifting");
        assert_eq!(text("shop", None, like), "shop: shoplifting");
    }

    #[test]
    fn the_last_word_is_what_to_do_next() {
        for (method, kind, hint) in [
            (None, Kind::Connect, None),
            (Some("server/discover"), Kind::Connect, Some("is the URL right")),
            (Some("initialize"), Kind::Rejected, Some("often /mcp")),
            (None, Kind::Rejected, Some("often /mcp")),
            (Some("tools/call"), Kind::Rejected, None),
            (Some("initialize"), Kind::Protocol, Some("is this an MCP server?")),
            (Some("server/discover"), Kind::Unavailable, Some("try again later")),
            (Some("initialize"), Kind::Unauthorized, Some("pass credentials")),
            (Some("initialize"), Kind::Closed, Some("run by itself")),
            (Some("tools/call"), Kind::Closed, Some("connect again")),
            (Some("tools/call"), Kind::SessionExpired, Some("connect again")),
            (Some("tools/call"), Kind::TooLarge, Some("raise the limit")),
            (Some("tools/call"), Kind::Timeout, Some("longer time-out")),
        ] {
            let text = text("shop", method, Below::new(kind, "cause"));
            match hint {
                Some(hint) => assert!(text.contains(hint) && text.ends_with(')'), "{text}"),
                None => assert!(text.ends_with(": cause"), "{text}"),
            }
        }
    }
}

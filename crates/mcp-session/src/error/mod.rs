mod convert;
mod kind;
mod one_line;

use std::{
    borrow::Cow,
    error::Error as StdError,
    fmt::{self, Write},
    sync::Arc,
};

use mcp_core::{
    CallToolResult, ErrorObject, Excerpt, InputRequiredResult, RawJson, error_code, method,
};
use mcp_transport::{Delivery, Error as TransportError};

pub use kind::ErrorKind;
use one_line::OneLine;

/// Why a session could not be opened, or a call failed: one flat type that names the server, the method
/// and the cause, and says what to try next.
///
/// `Display` prints the whole story in one line, causes included, so that
/// [`source`](StdError::source) is always `None`: reports that print a chain of sources print each cause
/// once. [`find`](Error::find) and the accessors reach the causes as types.
///
/// What a tool reports as its own failure is no error: see `CallToolResult::into_result`.
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
    other: Option<(Order, Error)>,
    /// The tool or prompt by its name, or the resource by its URI.
    target: Option<Box<str>>,
    /// Instead of the hint of the kind.
    hint: Option<Cow<'static, str>>,
}

/// When another failure of the same start happened.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    Before,
    After,
}

#[derive(Clone)]
enum Cause {
    None,
    Transport(TransportError),
    Answer(ErrorObject),
    Input(Arc<InputRequiredResult>),
    Result(Arc<CallToolResult>),
    Shape(Arc<serde_json::Error>, RawJson),
    Other(Arc<dyn StdError + Send + Sync>),
}

impl Error {
    /// An error about `server`, in lower case and without a full stop. What became of the request is
    /// unknown, unless [`with_delivery`](Error::with_delivery) says it.
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
            delivery: Delivery::Unknown,
            cause: Cause::None,
            other: None,
            target: None,
            hint: None,
        }))
    }

    /// The JSON-RPC error with which `server` answered.
    pub fn from_answer(server: impl Into<Arc<str>>, error: ErrorObject) -> Self {
        Self::new(ErrorKind::Answer, server, "the server answered")
            .with_delivery(Delivery::Answered)
            .with_cause(Cause::Answer(error))
    }

    /// The server asks for input that it does not get, for the reason in `message`.
    pub fn from_input_required(
        server: impl Into<Arc<str>>,
        input: InputRequiredResult,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(ErrorKind::InputRequired, server, message)
            .with_delivery(Delivery::Answered)
            .with_cause(Cause::Input(Arc::new(input)))
    }

    pub(crate) fn from_transport(server: impl Into<Arc<str>>, error: TransportError) -> Self {
        Self::new(error.kind().into(), server, "")
            .with_delivery(error.delivery())
            .with_cause(Cause::Transport(error))
    }

    /// About a result of a tool that arrived.
    pub(crate) fn from_result(
        kind: ErrorKind,
        server: impl Into<Arc<str>>,
        result: CallToolResult,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(kind, server, message)
            .with_method(method::TOOLS_CALL)
            .with_delivery(Delivery::Answered)
            .with_cause(Cause::Result(Arc::new(result)))
    }

    /// A result that cannot be decoded, with the place in it where that is known, such as `content[0].text`.
    pub(crate) fn from_shape(
        server: impl Into<Arc<str>>,
        error: serde_json::Error,
        place: Option<String>,
        raw: RawJson,
    ) -> Self {
        let text = "the answer has the wrong shape";
        let message = match place {
            Some(place) => format!("{text}: {place}").into(),
            None => Cow::Borrowed(text),
        };
        Self::new(ErrorKind::Decode, server, message)
            .with_delivery(Delivery::Answered)
            .with_cause(Cause::Shape(Arc::new(error), raw))
    }

    /// The same error as one of another kind, with another message.
    pub(crate) fn into_kind(
        mut self,
        kind: ErrorKind,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        (self.0.kind, self.0.message) = (kind, message.into());
        self
    }

    pub(crate) fn decode(server: impl Into<Arc<str>>, error: serde_json::Error) -> Self {
        Self::new(ErrorKind::Decode, server, "the answer has the wrong shape")
            .with_delivery(Delivery::Answered)
            .with_source(error)
    }

    /// Names the method that failed, unless one is named already.
    #[must_use]
    pub fn with_method(mut self, method: impl Into<Cow<'static, str>>) -> Self {
        self.0.method.get_or_insert(method.into());
        self
    }

    /// Names the target of the call, unless one is named already.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<Box<str>>) -> Self {
        self.0.target.get_or_insert(target.into());
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
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.with_cause(Cause::Other(Arc::from(source.into())))
    }

    fn with_cause(mut self, cause: Cause) -> Self {
        self.0.cause = cause;
        self
    }

    /// Adds another failure of the same start.
    pub(crate) fn with_other(mut self, order: Order, other: Self) -> Self {
        self.0.other = Some((order, other));
        self
    }

    /// Sets what to try, in place of the hint of the kind.
    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
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

    /// The target of the call that failed: a tool or prompt by its name, or a resource by its URI.
    pub fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
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

    /// The error of the transport.
    pub fn transport(&self) -> Option<&TransportError> {
        match &self.0.cause {
            Cause::Transport(error) => Some(error),
            _ => None,
        }
    }

    /// What the server asks for before it answers.
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

    /// The whole result that could not be decoded: of kind [`Decode`](ErrorKind::Decode).
    pub fn raw_result(&self) -> Option<&RawJson> {
        match &self.0.cause {
            Cause::Shape(_, raw) => Some(raw),
            _ => None,
        }
    }

    /// Whether the server does not know the resource that was asked for. Revisions before 2026-07-28 have a
    /// code of its own for that, and this revision that of invalid parameters.
    ///
    /// Spec: server/resources#error-handling
    pub fn is_resource_not_found(&self) -> bool {
        let is_read = self.method() == Some(method::RESOURCES_READ);
        self.answer().is_some_and(|answer| match answer.code {
            error_code::RESOURCE_NOT_FOUND => true,
            error_code::INVALID_PARAMS => is_read,
            _ => false,
        })
    }

    /// Another failure of the same start, where two requests failed: that of `server/discover` beside the one
    /// of `initialize`, or the other way round.
    pub fn other_failure(&self) -> Option<&Self> {
        self.0.other.as_ref().map(|(_, other)| other)
    }

    /// The first cause of type `E`: `mcp_transport::Error`, `StatusError` and `ExitError` with their details,
    /// `std::io::Error`, an [`ErrorObject`], or an error of an extension or of the application. Those of the
    /// [other failure](Error::other_failure) come last.
    pub fn find<E: StdError + 'static>(&self) -> Option<&E> {
        let own = causes(self.cause()).find_map(|cause| cause.downcast_ref());
        own.or_else(|| self.other_failure()?.find())
    }

    fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.cause {
            Cause::None | Cause::Input(_) | Cause::Result(_) => None,
            Cause::Transport(error) => Some(error),
            Cause::Answer(error) => Some(error),
            Cause::Shape(error, _) => Some(&**error),
            Cause::Other(error) => Some(&**error),
        }
    }

    /// What to try next: one hint, of the cause that knows most.
    fn hint(&self) -> Option<&str> {
        let mut target = None;
        let of_cause = || {
            causes(self.cause()).find_map(|cause| {
                if let Some(error) = cause.downcast_ref::<Self>() {
                    return error.hint();
                }
                let error = cause.downcast_ref::<TransportError>()?;
                target = target.or(error.target());
                error.hint()
            })
        };
        let hint = self.0.hint.as_deref().or_else(of_cause);
        hint.or_else(|| self.0.kind.hint(self.method(), target.or(Some(&*self.0.server))))
    }

    /// Writes the error and its causes, without what is `said` in front already: the server by its name, or
    /// by its address.
    fn write_story(&self, out: &mut impl Write, said: &str) -> fmt::Result {
        let Inner { server, method, message, .. } = &*self.0;
        let mut separator = "";
        if **server != *said {
            out.write_str(server)?;
            separator = ": ";
        }
        if let Some(method) = method {
            write!(out, "{}{method}", std::mem::replace(&mut separator, ": "))?;
            if let Some(target) = &self.0.target {
                write!(out, " {}", Excerpt(target))?;
            }
        }
        if !message.is_empty() {
            write!(out, "{}{message}", std::mem::replace(&mut separator, ": "))?;
        }
        let mut target = &**server;
        for cause in causes(self.cause()) {
            out.write_str(std::mem::replace(&mut separator, ": "))?;
            if let Some(error) = cause.downcast_ref::<TransportError>() {
                if let Some(other) = error.target().filter(|it| *it != target) {
                    target = other;
                    write!(out, "{target}: ")?;
                }
                out.write_str(error.message())?;
            } else if let Some(error) = cause.downcast_ref::<Self>() {
                // Which has written its own causes then.
                error.write_story(out, server)?;
                break;
            } else if cause.is::<serde_json::Error>() {
                // It quotes what a peer wrote.
                write!(out, "{}", Excerpt(&cause.to_string()))?;
            } else {
                write!(out, "{cause}")?;
            }
        }
        self.write_other(out)
    }

    /// Writes the other failure, up to where it only repeats what the first one says.
    fn write_other(&self, out: &mut impl Write) -> fmt::Result {
        let Some((order, other)) = &self.0.other else { return Ok(()) };
        let said = self.alone();
        if said.contains(&other.alone()) {
            return Ok(());
        }
        out.write_str(match order {
            Order::Before => "; before that, ",
            Order::After => "; after that, ",
        })?;
        let mut story = String::new();
        other.write_story(&mut story, &self.0.server)?;
        let ends = story.match_indices(": ").map(|(at, _)| at);
        let end = ends.into_iter().find(|at| said.contains(&story[at + 2..]));
        out.write_str(&story[..end.unwrap_or(story.len())])
    }

    /// The story without the method and the other failure.
    fn alone(&self) -> String {
        let mut alone = self.clone();
        (alone.0.method, alone.0.other) = (None, None);
        let mut story = String::new();
        // Writing to a string does not fail.
        let _ = alone.write_story(&mut story, &self.0.server);
        story
    }
}

/// An error and the causes of it.
fn causes<'a>(
    first: Option<&'a (dyn StdError + 'static)>,
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(first, |error: &&'a (dyn StdError + 'static)| {
        let error: &'a (dyn StdError + 'static) = *error;
        match error.downcast_ref::<Error>() {
            Some(error) => error.cause(),
            None => error.source(),
        }
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        OneLine::new(&mut *f).write(|line| self.write_story(line, ""))?;
        match self.hint() {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
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

impl StdError for Error {}

#[cfg(test)]
mod tests {
    use std::io;

    use mcp_transport::ErrorKind as Kind;

    use super::*;

    const URL: &str = "http://host/mcp";

    fn text(server: &str, method: Option<&'static str>, error: TransportError) -> String {
        let error = Error::from_transport(server, error);
        method.into_iter().fold(error, Error::with_method).to_string()
    }

    fn refused() -> TransportError {
        TransportError::new(Kind::Interrupted, "cannot be reached")
            .with_target(URL)
            .with_source(io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused"))
    }

    #[test]
    fn nothing_is_said_twice() {
        assert_eq!(
            text(URL, Some("tools/call"), refused()),
            "http://host/mcp: tools/call: cannot be reached: connection refused"
        );
        // A name of the user's own says less than the URL.
        assert_eq!(
            text("shop", None, refused()),
            "shop: http://host/mcp: cannot be reached: connection refused"
        );
        let again =
            TransportError::new(Kind::Closed, "given up").with_target(URL).with_source(refused());
        assert_eq!(
            text("shop", Some("tools/call"), again),
            "shop: tools/call: http://host/mcp: given up: cannot be reached: connection refused \
             (connect again)"
        );
        let first = Error::from_answer("shop", ErrorObject::new(-32601, "what?"));
        let first = first.with_method("initialize");
        let outer = Error::new(ErrorKind::Version, "shop", "nothing in common").with_source(first);
        assert_eq!(
            outer.to_string(),
            "shop: nothing in common: initialize: the server answered: what? (-32601) \
             (use a newer server, or another era)"
        );
    }

    #[test]
    fn two_failures_are_two() {
        let failed = |method, code, message: &str| {
            Error::from_answer("shop", ErrorObject::new(code, message)).with_method(method)
        };
        let first = failed("server/discover", -1, "no key");
        let error = failed("initialize", -2, "what?").with_other(Order::Before, first.clone());
        assert_eq!(
            error.to_string(),
            "shop: initialize: the server answered: what? (-2); before that, server/discover: the \
             server answered: no key (-1)"
        );
        assert_eq!(error.find::<ErrorObject>().map(|it| it.code), Some(-2));
        let other = error.other_failure().and_then(Error::answer);
        assert_eq!(other.map(|it| it.code), Some(-1));
        let later = first.clone().with_other(Order::After, error).with_hint("try this");
        assert!(later.to_string().contains("; after that, initialize: "), "{later}");
        assert!(later.to_string().ends_with("(try this)"), "{later}");

        let same = failed("initialize", -1, "no key").with_other(Order::Before, first);
        assert_eq!(same.to_string(), "shop: initialize: the server answered: no key (-1)");
    }

    #[test]
    fn causes_are_found_by_type_and_never_printed_by_reports_again() {
        let outer = Error::new(ErrorKind::Version, "shop", "nothing in common");
        let outer = outer.with_source(Error::from_transport("shop", refused()));
        assert!(outer.source().is_none());
        assert_eq!(
            outer.find::<TransportError>().map(TransportError::kind),
            Some(Kind::Interrupted)
        );
        let found = outer.find::<io::Error>().map(io::Error::kind);
        assert_eq!(found, Some(io::ErrorKind::ConnectionRefused));
        let answer = Error::from_answer("shop", ErrorObject::new(-1, "no"));
        assert_eq!(answer.find::<ErrorObject>().map(|it| it.code), Some(-1));
        assert!(answer.find::<io::Error>().is_none());
    }

    #[test]
    fn the_text_of_a_peer_stays_one_line() {
        let words = format!("a\r\nb\u{1b}[31m{}", "x".repeat(1 << 20));
        let error = Error::new(ErrorKind::Other, "shop", "failed");
        let text = error.with_source(io::Error::other(words)).to_string();
        assert!(text.starts_with("shop: failed: a\\r\\nb\\u{1b}[31mxxx"), "{text}");
        assert!(text.len() < 4_000 && !text.contains(char::is_control));
    }

    #[test]
    fn the_last_word_is_what_to_do_next() {
        for (method, kind, hint) in [
            (None, Kind::Connect, None),
            (Some("initialize"), Kind::Rejected, Some("often /mcp")),
            (None, Kind::Rejected, Some("often /mcp")),
            (Some("tools/call"), Kind::Rejected, None),
            (Some("initialize"), Kind::Protocol, Some("is this an MCP server?")),
            (Some("server/discover"), Kind::Unavailable, Some("try again later")),
            (Some("initialize"), Kind::Unauthorized, Some("pass credentials: a bearer token")),
            (Some("initialize"), Kind::Closed, Some("run by itself")),
            (Some("tools/call"), Kind::Closed, Some("connect again")),
            (Some("tools/call"), Kind::SessionExpired, Some("connect again")),
            (Some("tools/call"), Kind::TooLarge, Some("raise the limit")),
            (Some("tools/call"), Kind::Timeout, Some("longer time-out")),
        ] {
            let text = text("shop", method, TransportError::new(kind, "cause"));
            match hint {
                Some(hint) => assert!(text.contains(hint) && text.ends_with(')'), "{text}"),
                None => assert!(text.ends_with(": cause"), "{text}"),
            }
        }
    }

    #[test]
    fn there_is_one_hint_and_it_is_of_the_cause_that_knows_most() {
        let rejected = |url: &'static str| {
            let error = TransportError::new(Kind::Rejected, "refused").with_target(url);
            text("shop", Some("initialize"), error)
        };
        for url in ["http://host/mcp", "http://host/MCP?a=/x", "http://host/mcp/v1"] {
            let text = rejected(url);
            assert!(text.ends_with("(is this the URL of an MCP endpoint?)"), "{text}");
        }
        for url in ["http://mcp.example/", "http://host/api?mcp", "http://mcp"] {
            let text = rejected(url);
            assert!(text.ends_with("its path is often /mcp)"), "{text}");
        }
        let known = TransportError::new(Kind::Unauthorized, "refused").with_hint("use that host");
        let outer = TransportError::new(Kind::Closed, "given up").with_source(known);
        let text = text("shop", Some("initialize"), outer);
        assert!(text.ends_with("given up: refused (use that host)"), "{text}");

        // A server of several knows what to try, and the one in front of it does not.
        let inner = Error::from_transport("shop", TransportError::new(Kind::Unavailable, "503"));
        let outer = TransportError::new(Kind::Connect, "server \"shop\" does not start");
        let text = super::Error::from_transport("all", outer.with_source(inner)).to_string();
        assert!(text.ends_with("503 (try again later, or is the URL wrong?)"), "{text}");
    }

    #[test]
    fn what_the_first_failure_says_is_not_repeated_by_the_second() {
        let refused = || TransportError::new(Kind::Rejected, "refused: HTTP 404").with_target(URL);
        let twice = TransportError::new(Kind::Rejected, "HTTP+SSE and Streamable HTTP");
        let twice = Error::from_transport(URL, twice.with_source(refused()));
        let probe = Error::from_transport(URL, refused()).with_method("server/discover");
        let text = twice.with_method("initialize").with_other(Order::Before, probe).to_string();
        assert_eq!(text.matches("HTTP 404").count(), 1, "{text}");
        assert!(!text.contains("before that"), "{text}");

        let late = |message: &'static str| {
            let error = Error::new(ErrorKind::Timeout, "shop", message);
            error.with_source(io::Error::other("stderr: no key: none"))
        };
        let late = late("not started").with_other(Order::Before, late("no answer within 1 s"));
        assert_eq!(
            late.to_string(),
            "shop: not started: stderr: no key: none; before that, no answer within 1 s (is the server \
             stuck? a longer time-out can be set)"
        );
    }
}

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

/// Error of opening a session or of a call. One flat type that names the server, the method and the cause, with a hint
/// on what to do.
///
/// `Display` prints one line with all causes, so [`source`](StdError::source) is always `None`: reporters that print a
/// chain of sources print each cause once. [`find`](Error::find) and the accessors return typed causes.
///
/// A failed tool is not an error by itself: see [`Call::or_error`](crate::Call::or_error).
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
    /// The tool or prompt name, or the resource URI.
    target: Option<Box<str>>,
    /// Overrides the hint of the kind.
    hint: Option<Cow<'static, str>>,
}

/// The order of the other failure of the same start.
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
    Input(RawJson),
    Result(Arc<CallToolResult>),
    Shape(Arc<serde_json::Error>, RawJson),
    Other(Arc<dyn StdError + Send + Sync>),
}

impl Error {
    /// Creates an error about `server`. `message` is lower case, without a full stop. The delivery is unknown unless
    /// set with [`with_delivery`](Error::with_delivery).
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

    /// Creates an error from the JSON-RPC error of a response.
    pub fn from_answer(server: impl Into<Arc<str>>, error: ErrorObject) -> Self {
        Self::new(ErrorKind::Answer, server, "the server answered")
            .with_delivery(Delivery::Answered)
            .with_cause(Cause::Answer(error))
    }

    /// Creates an error for the `input_required` result whose `input` the client does not provide, for the reason in
    /// `message`.
    pub fn from_input_required(
        server: impl Into<Arc<str>>,
        input: RawJson,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(ErrorKind::InputRequired, server, message)
            .with_delivery(Delivery::Answered)
            .with_cause(Cause::Input(input))
    }

    pub(crate) fn from_transport(server: impl Into<Arc<str>>, error: TransportError) -> Self {
        Self::new(error.kind().into(), server, "")
            .with_delivery(error.delivery())
            .with_cause(Cause::Transport(error))
    }

    /// An error about a received tool result.
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

    /// An error for a result that cannot be decoded, with the path of the undecodable element if known, such as
    /// `content[0].text`.
    pub(crate) fn from_shape(
        server: impl Into<Arc<str>>,
        error: serde_json::Error,
        place: Option<String>,
        raw: RawJson,
    ) -> Self {
        let text = "the result has the wrong shape";
        let message = match place {
            Some(place) => format!("{text}: {place}").into(),
            None => Cow::Borrowed(text),
        };
        Self::new(ErrorKind::Decode, server, message)
            .with_delivery(Delivery::Answered)
            .with_cause(Cause::Shape(Arc::new(error), raw))
    }

    /// Changes the kind and message.
    pub(crate) fn into_kind(
        mut self,
        kind: ErrorKind,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        (self.0.kind, self.0.message) = (kind, message.into());
        self
    }

    pub(crate) fn decode(server: impl Into<Arc<str>>, error: serde_json::Error) -> Self {
        Self::new(ErrorKind::Decode, server, "the result has the wrong shape")
            .with_delivery(Delivery::Answered)
            .with_source(error)
    }

    /// Sets the method that failed, unless already set.
    #[must_use]
    pub fn with_method(mut self, method: impl Into<Cow<'static, str>>) -> Self {
        self.0.method.get_or_insert(method.into());
        self
    }

    /// Sets the target of the call, unless already set.
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

    /// Sets the hint, overriding that of the kind.
    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The name of the server: the configured one, or its command or URL.
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// The method that failed; `None` if the connection failed.
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// The target of the call that failed: a tool or prompt name, or a resource URI.
    pub fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
    }

    /// How far the request got, to decide whether a retry is safe.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// The JSON-RPC error of the server's response.
    pub fn answer(&self) -> Option<&ErrorObject> {
        match &self.0.cause {
            Cause::Answer(error) => Some(error),
            _ => None,
        }
    }

    /// The transport error.
    pub fn transport(&self) -> Option<&TransportError> {
        match &self.0.cause {
            Cause::Transport(error) => Some(error),
            _ => None,
        }
    }

    /// The input requested by the server, decoded by each call. Without requests if they cannot be decoded.
    pub fn input_required(&self) -> Option<InputRequiredResult> {
        let Cause::Input(input) = &self.0.cause else { return None };
        Some(input.decode().unwrap_or_else(|_| InputRequiredResult::input_required()))
    }

    /// The whole result of the tool, for kinds [`Tool`](ErrorKind::Tool), [`Output`](ErrorKind::Output) and
    /// [`Schema`](ErrorKind::Schema).
    pub fn result(&self) -> Option<&CallToolResult> {
        match &self.0.cause {
            Cause::Result(result) => Some(result),
            _ => None,
        }
    }

    /// The raw result that could not be decoded, for kind [`Decode`](ErrorKind::Decode).
    pub fn raw_result(&self) -> Option<&RawJson> {
        match &self.0.cause {
            Cause::Shape(_, raw) => Some(raw),
            _ => None,
        }
    }

    /// Whether the server does not know the requested resource. Revisions before 2026-07-28 have a separate error code
    /// for it, 2026-07-28 uses that of invalid parameters.
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

    /// The other failure of the same start, if both opening requests failed: that of `server/discover` in addition to
    /// `initialize`, or vice versa.
    pub fn other_failure(&self) -> Option<&Self> {
        self.0.other.as_ref().map(|(_, other)| other)
    }

    /// The first cause of type `E`: `mcp_transport::Error`, `StatusError` and `ExitError` with details,
    /// `std::io::Error`, an [`ErrorObject`], or an error of an extension or the application. The causes of the [other
    /// failure](Error::other_failure) come last.
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

    /// What to do next: one hint, from the most specific cause.
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

    /// Writes the error and its causes, without the prefix `said` that was already written: the name or address of the
    /// server.
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
                // It has then written its own causes.
                error.write_story(out, server)?;
                break;
            } else if cause.is::<serde_json::Error>() {
                // It quotes text of a peer.
                write!(out, "{}", Excerpt(&cause.to_string()))?;
            } else {
                write!(out, "{cause}")?;
            }
        }
        self.write_other(out)
    }

    /// Writes the other failure, without repeating the first one.
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

    /// The text without the method and the other failure.
    fn alone(&self) -> String {
        let mut alone = self.clone();
        (alone.0.method, alone.0.other) = (None, None);
        let mut story = String::new();
        // Writing to a string does not fail.
        let _ = alone.write_story(&mut story, &self.0.server);
        story
    }
}

/// An error followed by its causes.
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
    fn nothing_is_printed_twice() {
        assert_eq!(
            text(URL, Some("tools/call"), refused()),
            "http://host/mcp: tools/call: cannot be reached: connection refused"
        );
        // A custom name says less than the URL.
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
    fn two_failures_are_printed() {
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
    fn causes_are_found_by_type_and_printed_once() {
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
    fn the_hint_is_last() {
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
    fn there_is_one_hint_from_the_most_specific_cause() {
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

        // The member of a group knows the hint, the group does not.
        let inner = Error::from_transport("shop", TransportError::new(Kind::Unavailable, "503"));
        let outer = TransportError::new(Kind::Connect, "server \"shop\" does not start");
        let text = super::Error::from_transport("all", outer.with_source(inner)).to_string();
        assert!(text.ends_with("503 (try again later, or is the URL wrong?)"), "{text}");
    }

    #[test]
    fn the_second_failure_does_not_repeat_the_first() {
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

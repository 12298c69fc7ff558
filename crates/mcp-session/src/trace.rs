//! Traces: the context that goes out with messages, and spans of what is asked, by us and of us.
//!
//! The spans follow the semantic conventions of OpenTelemetry for MCP. None of them holds an argument, a
//! result, a value of `_meta` or the text of an error, which may quote the peer.

use std::{
    any::Any,
    cell::LazyCell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mcp_core::{
    CallToolResult, ErrorObject, Meta, ProtocolVersion, RawJson, RequestId, meta_key, method,
};
use mcp_transport::{
    Address, Binding, Connect, ErrorKind as Transport, SharedConnect, TraceContext,
};
use tracing::{Span, field::Empty};

use crate::{Error, ErrorKind, SessionOptions};

/// What the spans of a session are found by; [`SessionOptions::spans`] tells of it.
const TARGET: &str = "mcp_session::span";

/// The most characters of what a server says that a span holds.
const MAX_CHARS: usize = 128;

type Provider = Arc<dyn Fn() -> Option<TraceContext> + Send + Sync>;

/// What traces have to know of one session.
pub(crate) struct Tracing {
    has_spans: bool,
    provider: Option<Provider>,
    /// Whether it was told that the provider gives what cannot be sent.
    told: AtomicBool,
    binding: Binding,
    address: Option<Address>,
}

impl Tracing {
    pub(crate) fn new(options: &SessionOptions, connect: &SharedConnect) -> Self {
        Self {
            has_spans: options.spans,
            provider: options.trace_context.clone(),
            told: AtomicBool::new(false),
            binding: connect.binding(),
            address: connect.address(),
        }
    }

    /// Of a message of ours. `target` is what it is about: a tool or a prompt by its name, or a URI.
    pub(crate) fn asking(
        &self,
        method: &str,
        version: Option<ProtocolVersion>,
        target: impl FnOnce() -> Option<String>,
    ) -> Traced {
        self.traced("client", method, version, target)
    }

    /// Of a request of the server's.
    pub(crate) fn asked(
        &self,
        method: &str,
        version: ProtocolVersion,
        id: Option<&RequestId>,
    ) -> Traced {
        if method == method::PING {
            return Traced::from(Span::none());
        }
        let mut traced = self.traced("server", method, Some(version), || None);
        match id {
            // As text it would be in quotes.
            Some(RequestId::String(id)) => traced.has_id(id),
            Some(id) => traced.has_id(id),
            None => {}
        }
        traced
    }

    fn traced(
        &self,
        kind: &str,
        method: &str,
        version: Option<ProtocolVersion>,
        target: impl FnOnce() -> Option<String>,
    ) -> Traced {
        if !self.has_spans {
            return Traced::from(Span::none());
        }
        // None of this is looked at unless somebody wants the span.
        let target = LazyCell::new(target);
        let about = |methods: &[&str]| methods.contains(&method).then(|| target.as_deref())?;
        let tool = || about(&[method::TOOLS_CALL]);
        let prompt = || about(&[method::PROMPTS_GET]);
        let resource = || {
            let subscribing = [method::RESOURCES_SUBSCRIBE, method::RESOURCES_UNSUBSCRIBE];
            about(&[method::RESOURCES_READ]).or_else(|| about(&subscribing)).map(plain)
        };
        let (transport, protocol) = match self.binding {
            Binding::Stream => (Some("pipe"), None),
            Binding::Http | Binding::LegacyHttp => (Some("tcp"), Some("http")),
            _ => (None, None),
        };
        Traced::from(tracing::info_span!(
            target: TARGET,
            "mcp",
            otel.name = %Name(method, tool().or_else(prompt)),
            otel.kind = kind,
            otel.status_code = Empty,
            mcp.method.name = %Cut(method),
            mcp.protocol.version = version.map(ProtocolVersion::as_str),
            mcp.session.id = Empty,
            mcp.resource.uri = resource(),
            jsonrpc.request.id = Empty,
            gen_ai.operation.name = tool().map(|_| "execute_tool"),
            gen_ai.tool.name = tool(),
            gen_ai.prompt.name = prompt(),
            rpc.response.status_code = Empty,
            error.type = Empty,
            network.transport = transport,
            network.protocol.name = protocol,
            server.address = self.address.as_ref().map(|address| &*address.host),
            server.port = self.address.as_ref().map(|address| i64::from(address.port)),
        ))
    }

    /// What the application says of the trace that is on, unless `by_hand`, the `_meta` of the message as
    /// the caller wrote it, says something else. To be asked within the span of the message.
    pub(crate) fn context(&self, by_hand: impl FnOnce() -> Option<Meta>) -> Option<TraceContext> {
        let provider = self.provider.as_ref()?;
        let context = catch_unwind(AssertUnwindSafe(|| provider()));
        let context = context.unwrap_or_else(|_| {
            self.tell("the provider of trace contexts panicked");
            None
        })?;
        if let Some(entry) = context.rejected() {
            self.tell(entry);
        }
        let context = match by_hand() {
            Some(meta) => overridden(context, &meta),
            None => context,
        };
        Some(context).filter(|context| !context.is_empty())
    }

    /// Once is enough: it would be told with each message.
    fn tell(&self, what: &str) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(what, "a trace context that cannot be sent is left out");
        }
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing").field("has_spans", &self.has_spans).finish_non_exhaustive()
    }
}

/// A `traceparent` and its `tracestate` belong together; the baggage stands by itself.
fn overridden(context: TraceContext, meta: &Meta) -> TraceContext {
    use meta_key::{BAGGAGE, TRACEPARENT, TRACESTATE};
    if ![TRACEPARENT, TRACESTATE, BAGGAGE].iter().any(|key| meta.contains_key(*key)) {
        return context;
    }
    let other_trace = meta.contains_key(TRACEPARENT) || meta.contains_key(TRACESTATE);
    let is_kept = |name: &str| match name {
        BAGGAGE => !meta.contains_key(BAGGAGE),
        _ => !other_trace,
    };
    let ours = context.entries().filter(|(name, _)| is_kept(name));
    let theirs = meta.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    let mut merged: TraceContext = ours.collect();
    merged.extend(theirs);
    merged
}

/// A message whose span ends with what comes of it, or as cancelled.
#[derive(Debug)]
pub(crate) struct Traced {
    span: Span,
    has_id: bool,
    is_over: bool,
}

impl From<Span> for Traced {
    fn from(span: Span) -> Self {
        Self { is_over: span.is_disabled(), span, has_id: false }
    }
}

impl Traced {
    /// To do the work in.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The id of the request; of several, such as rounds of one call, the first counts.
    pub(crate) fn has_id(&mut self, id: impl fmt::Display) {
        if !self.is_over && !std::mem::replace(&mut self.has_id, true) {
            self.span.record("jsonrpc.request.id", &*cut(&id.to_string()));
        }
    }

    /// What came of a message of ours.
    pub(crate) fn ended<R: 'static>(&mut self, outcome: &Result<R, Error>) {
        match outcome {
            Ok(result) => self.done(result),
            Err(error) => self.lost(error),
        }
    }

    /// The result of a message of ours.
    pub(crate) fn done<R: 'static>(&mut self, result: &R) {
        if !self.is_over && is_tool_error(result) {
            self.failed("tool_error");
        }
        self.is_over = true;
    }

    /// Why a message of ours has no result.
    pub(crate) fn lost(&mut self, error: &Error) {
        match error.answer() {
            _ if self.is_over => {}
            Some(answer) => self.refused(answer),
            None => self.failed(kind_of(error)),
        }
    }

    /// What was answered to a request of the server's.
    pub(crate) fn answered(&mut self, outcome: &Result<RawJson, ErrorObject>) {
        match outcome {
            Ok(_) => self.is_over = true,
            Err(error) => self.refused(error),
        }
    }

    fn refused(&mut self, error: &ErrorObject) {
        if !self.is_over {
            let code = error.code.to_string();
            self.span.record("rpc.response.status_code", &*code);
            self.failed(&code);
        }
    }

    fn failed(&mut self, kind: &str) {
        self.is_over = true;
        self.span.record("error.type", kind);
        self.span.record("otel.status_code", "ERROR");
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if !self.is_over {
            self.failed("cancelled");
        }
    }
}

fn is_tool_error<R: 'static>(result: &R) -> bool {
    #[derive(serde::Deserialize)]
    struct Raw {
        #[serde(rename = "isError")]
        is_error: bool,
    }
    let result: &dyn Any = result;
    if let Some(result) = result.downcast_ref::<CallToolResult>() {
        return result.is_error == Some(true);
    }
    let raw = result.downcast_ref::<RawJson>();
    raw.and_then(|raw| raw.decode().ok()).is_some_and(|Raw { is_error }| is_error)
}

/// A class of errors, of which there are few.
fn kind_of(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Timeout => "timeout",
        ErrorKind::Closed => "closed",
        ErrorKind::Version => "version",
        ErrorKind::Decode => "decode",
        ErrorKind::InputRequired => "input_required",
        ErrorKind::Arguments => "arguments",
        ErrorKind::Pagination => "pagination",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::Transport(kind) => match kind {
            Transport::Connect => "connect",
            Transport::Interrupted => "interrupted",
            Transport::TooLarge => "too_large",
            Transport::Overflow => "overflow",
            Transport::Protocol => "protocol",
            Transport::Rejected => "rejected",
            Transport::Status => "status",
            Transport::Unauthorized => "unauthorized",
            Transport::SessionExpired => "session_expired",
            Transport::Redirect => "redirect",
            Transport::Cancelled => "cancelled",
            Transport::InvalidRequest => "invalid_request",
            Transport::Config => "config",
            _ => "_OTHER",
        },
        _ => "_OTHER",
    }
}

/// The name of a span: the method, and what it is about where there are few of that.
struct Name<'a>(&'a str, Option<&'a str>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(cut(self.0))?;
        match self.1 {
            Some(target) => write!(f, " {target}"),
            None => Ok(()),
        }
    }
}

struct Cut<'a>(&'a str);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(cut(self.0))
    }
}

fn cut(text: &str) -> &str {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// A URI without what may be secret in it: credentials, query and fragment.
fn plain(uri: &str) -> String {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn uris_lose_what_may_be_secret() {
        for (uri, shown) in [
            ("test://greeting", "test://greeting"),
            ("db://me:pw@host:5/a@b?key=1#x", "db://host:5/a@b"),
            ("urn:isbn:9?x", "urn:isbn:9"),
            ("file:///etc/a", "file:///etc/a"),
        ] {
            assert_eq!(plain(uri), shown);
        }
    }

    #[test]
    fn what_a_peer_says_is_cut_between_characters() {
        assert_eq!(cut(&"ü".repeat(MAX_CHARS + 1)), "ü".repeat(MAX_CHARS));
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn what_the_caller_wrote_wins_and_a_trace_is_not_mixed_with_another() {
        let parent = |n: u8| format!("00-{n:032x}-00f067aa0ba902b7-01");
        let ours = || TraceContext::new(parent(1)).with_tracestate("a=1").with_baggage("b=1");
        let over = |meta: serde_json::Value| {
            let meta: Map<_, _> = meta.as_object().cloned().unwrap_or_default();
            let context = overridden(ours(), &meta.into());
            let entries = context.entries().map(|(name, value)| (name, value.to_owned()));
            entries.collect::<Vec<_>>()
        };
        assert_eq!(over(json!({ "x": 1 })).len(), 3);
        let baggage = ("baggage", "b=1".to_owned());
        let other = json!({ "traceparent": parent(2) });
        assert_eq!(over(other), [("traceparent", parent(2)), baggage.clone()]);
        assert_eq!(over(json!({ "traceparent": 5 })), [baggage]);
        assert_eq!(over(json!({ "baggage": "c=2" }))[2], ("baggage", "c=2".to_owned()));
    }
}

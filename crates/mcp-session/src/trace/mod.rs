//! Tracing: the context sent with messages, and spans of requests in both directions.
//!
//! The spans follow the semantic conventions of OpenTelemetry for MCP. They contain no arguments, results, `_meta`
//! values or error texts, which may quote the peer.

mod message_span;
mod text;

use std::{
    cell::LazyCell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mcp_core::{Meta, ProtocolVersion, RequestId, meta_key, method};
use mcp_transport::{Address, Binding, Carrier, ConnectionInfo, TraceContext};
use tracing::{Span, field::Empty};

pub(crate) use self::message_span::MessageSpan;
use self::text::{Name, cut, plain};

/// The target of all spans; see [`SessionOptions::spans`](crate::SessionOptions::spans).
const TARGET: &str = "mcp_session::span";

pub(crate) type Provider = Arc<dyn Fn() -> Option<TraceContext> + Send + Sync>;

/// Tracing state of one session.
pub(crate) struct Tracing {
    has_spans: bool,
    provider: Option<Provider>,
    /// Whether the warning about an invalid context was logged.
    has_warned: AtomicBool,
    binding: Binding,
    carrier: Carrier,
    peer: Option<Address>,
}

impl Tracing {
    pub(crate) fn new(
        has_spans: bool,
        provider: Option<Provider>,
        connection: &ConnectionInfo,
    ) -> Self {
        Self {
            has_spans,
            provider,
            has_warned: AtomicBool::new(false),
            binding: connection.binding,
            carrier: connection.carrier,
            peer: connection.peer.clone(),
        }
    }

    /// The span of a client message. `target` is a tool or prompt name, or a URI.
    pub(crate) fn client_span(
        &self,
        method: &str,
        version: Option<ProtocolVersion>,
        target: impl FnOnce() -> Option<String>,
    ) -> MessageSpan {
        self.span("client", method, version, target)
    }

    /// The span of a request of the server.
    pub(crate) fn server_span(
        &self,
        method: &str,
        version: Option<ProtocolVersion>,
        id: Option<&RequestId>,
    ) -> MessageSpan {
        if method == method::PING {
            return MessageSpan::from(Span::none());
        }
        let mut span = self.span("server", method, version, || None);
        match id {
            // Formatted as a string it would have quotes.
            Some(RequestId::String(id)) => span.set_id(id),
            Some(id) => span.set_id(id),
            None => {}
        }
        span
    }

    fn span(
        &self,
        kind: &str,
        method: &str,
        version: Option<ProtocolVersion>,
        target: impl FnOnce() -> Option<String>,
    ) -> MessageSpan {
        if !self.has_spans {
            return MessageSpan::from(Span::none());
        }
        // Computed only if a subscriber enables the span.
        let target = LazyCell::new(target);
        let about = |methods: &[&str]| methods.contains(&method).then(|| target.as_deref())?;
        let tool = || about(&[method::TOOLS_CALL]);
        let prompt = || about(&[method::PROMPTS_GET]);
        let resource = || {
            let subscribing = [method::RESOURCES_SUBSCRIBE, method::RESOURCES_UNSUBSCRIBE];
            about(&[method::RESOURCES_READ]).or_else(|| about(&subscribing)).map(plain)
        };
        let transport = match self.carrier {
            Carrier::Pipe => Some("pipe"),
            Carrier::Tcp => Some("tcp"),
            Carrier::UnixSocket => Some("unix"),
            _ => None,
        };
        let is_http = matches!(self.binding, Binding::StreamableHttp | Binding::HttpSse);
        MessageSpan::from(tracing::info_span!(
            target: TARGET,
            "mcp",
            otel.name = %Name(method, tool().or_else(prompt)),
            otel.kind = kind,
            otel.status_code = Empty,
            mcp.method.name = cut(method),
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
            network.protocol.name = is_http.then_some("http"),
            server.address = self.peer.as_ref().map(|peer| &*peer.host),
            server.port = self.peer.as_ref().map(|peer| i64::from(peer.port)),
        ))
    }

    /// The trace context of the application, overridden by the caller's `_meta`. Must be called within the span of the
    /// message. Boxed, since the future of every call reserves space for it, and few have one.
    pub(crate) fn context(
        &self,
        caller_meta: impl FnOnce() -> Option<Meta>,
    ) -> Option<Box<TraceContext>> {
        let provider = self.provider.as_ref()?;
        let context = catch_unwind(AssertUnwindSafe(|| provider()));
        let context = context.unwrap_or_else(|_| {
            self.warn("the provider of trace contexts panicked");
            None
        })?;
        if let Some(entry) = context.rejected() {
            self.warn(entry);
        }
        let context = match caller_meta() {
            Some(meta) => overridden(context, &meta),
            None => context,
        };
        (!context.is_empty()).then(|| Box::new(context))
    }

    /// Warns once, since each message would cause a warning.
    fn warn(&self, what: &str) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(what, "left out a trace context that cannot be sent");
        }
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing").field("has_spans", &self.has_spans).finish_non_exhaustive()
    }
}

/// A `traceparent` and its `tracestate` belong together; baggage is independent.
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

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    /// A subscriber of events, but of no span.
    struct NoSpans;

    impl tracing::Subscriber for NoSpans {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            metadata.is_event()
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            panic!("an unwanted span")
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, _: &tracing::Event<'_>) {}
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[test]
    fn nothing_is_computed_for_an_unwanted_span() {
        let tracing = Tracing {
            has_spans: true,
            provider: None,
            has_warned: AtomicBool::new(false),
            binding: Binding::Pipe,
            carrier: Carrier::Pipe,
            peer: None,
        };
        let span = || {
            let span = tracing.client_span(method::TOOLS_CALL, None, || panic!("computed"));
            assert!(span.span().is_disabled());
        };
        span();
        tracing::subscriber::with_default(NoSpans, span);
        assert!(tracing.context(|| panic!("computed")).is_none());
    }

    #[test]
    fn the_caller_overrides_and_traces_are_never_mixed() {
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

use std::{fmt, sync::Arc, time::Duration};

use mcp_core::{ClientCapabilities, Implementation, Meta, Notification};
use mcp_transport::TraceContext;

use crate::{Cache, EraPolicy, Handlers, Timeout, Verdict, extension::Extension};

/// Options for opening a session, and defaults for its calls.
#[derive(Clone)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Which eras may be used. Default: [`EraPolicy::Auto`].
    pub era: EraPolicy,
    /// The name and version of the client. Default: those of this library.
    pub client_info: Implementation,
    /// Declared capabilities, in addition to those of the [`handlers`](SessionOptions::handlers). Default: none.
    pub capabilities: ClientCapabilities,
    /// The [verdict](crate::Session::verdict) of an earlier session, to open this one without probing: a legacy server
    /// receives `initialize` at once, a modern one nothing. A modern server on a pipe is still probed if the verdict is
    /// from a pipe, since its process may have been replaced. If the verdict is outdated, the server is probed again:
    /// for a session opened without any message, during its first call, which is then sent in the other revision. The
    /// session's verdict is updated. Default: none.
    ///
    /// Spec: basic/versioning
    pub prior_discover: Option<Verdict>,
    /// Called with the verdict when the session is opened, and again if an earlier one was outdated. It must not block.
    /// Default: none.
    #[expect(clippy::type_complexity, reason = "no alias hides the type of a public field")]
    pub on_verdict: Option<Arc<dyn Fn(&Verdict) + Send + Sync>>,
    /// How long to wait for the response to `server/discover` before `initialize` is sent as well; the first response
    /// decides. A server may ignore unknown requests, or may not have started yet. For a server in this process only
    /// [`start_timeout`](SessionOptions::start_timeout) ends the wait. Time in which connecting waits for a user does
    /// not count. At most half of [`start_timeout`](SessionOptions::start_timeout). Default: 1.5 s.
    pub probe_timeout: Duration,
    /// Timeout of the whole start: spawning, downloading packages for a runner such as `npx`, negotiating. Time in
    /// which connecting waits for a user, for example to log in, does not count. Default: 60 s.
    pub start_timeout: Duration,
    /// The timeout of calls that set none. Default: 300 s without any message for the call, and one hour in total.
    pub timeout: Timeout,
    /// The interval of `ping` requests to a legacy server. A ping without a response before the next one is due closes
    /// the session, so a dead connection is detected without a call. The modern era has no `ping`. Default: `None`, no
    /// pings.
    ///
    /// Spec: 2025-11-25 basic/utilities/ping
    pub ping_interval: Option<Duration>,
    /// The `_meta` of `initialize`, for servers of the legacy era. Default: none.
    pub initialize_meta: Option<Meta>,
    /// Callback for notifications outside calls, in order. It must not block. Default: none.
    #[expect(clippy::type_complexity, reason = "no alias hides the type of a public field")]
    pub on_notification: Option<Arc<dyn Fn(&Notification) + Send + Sync>>,
    /// Handlers of server requests: sampling, elicitation, roots. Default: none.
    pub handlers: Handlers,
    /// Maximum rounds of input for one call, in the modern era. Default: 10.
    pub max_rounds: u32,
    /// Provides the current trace context, for the `_meta` and HTTP headers of each request and notification; the
    /// `_meta` of a call overrides it. Called within the span of the message. It must not block, and its values are
    /// visible to the server. Default: none.
    ///
    /// Spec: basic/index#_meta
    pub trace_context: Option<Arc<dyn Fn() -> Option<TraceContext> + Send + Sync>>,
    /// Whether to create a `tracing` span for each call, each other request or notification sent, and each server
    /// request that a handler serves. Default: true. Turn it off for a session with a group: the sessions of the group
    /// create the spans. A call answered from the [cache](SessionOptions::cache) has no span, since nothing is sent.
    ///
    /// The target is `mcp_session::span`, the level `INFO`, and spans cost nothing without a subscriber. The fields
    /// follow the semantic conventions of OpenTelemetry for MCP: the name (`otel.name`) is the method with the tool or
    /// prompt; `otel.kind` is `client`, or `server` for requests of the server; `error.type` is the code of a JSON-RPC
    /// error, `tool_error`, `timeout`, `cancelled` for a future that was dropped, or the name of the
    /// [`Error`](crate::Error)'s kind. Spans contain no arguments, results, `_meta`, error texts, or credentials and
    /// queries of URIs.
    pub spans: bool,
    /// Validation of tool results against the tools' schemas. Default: none.
    #[cfg(feature = "validation")]
    pub output_checks: Option<crate::OutputChecks>,
    /// The response cache. Sessions opened with clones of one [`Cache`] belong to one client, and share its results.
    /// Default: `None`; each session has its own memory, with the settings of [`Cache::new`].
    pub cache: Option<Cache>,
    /// Protocol extensions to declare and use. Default: none.
    pub extensions: Vec<Arc<dyn Extension>>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            era: EraPolicy::Auto,
            client_info: Implementation::new("mcp-client", env!("CARGO_PKG_VERSION")),
            capabilities: ClientCapabilities::default(),
            prior_discover: None,
            on_verdict: None,
            probe_timeout: Duration::from_millis(1500),
            start_timeout: Duration::from_secs(60),
            timeout: Timeout::default(),
            ping_interval: None,
            initialize_meta: None,
            on_notification: None,
            handlers: Handlers::default(),
            max_rounds: 10,
            trace_context: None,
            spans: true,
            #[cfg(feature = "validation")]
            output_checks: None,
            cache: None,
            extensions: Vec::new(),
        }
    }
}

impl SessionOptions {
    /// Sets [`era`](Self::era).
    #[must_use]
    pub fn with_era(mut self, policy: EraPolicy) -> Self {
        self.era = policy;
        self
    }

    /// Sets [`client_info`](Self::client_info).
    #[must_use]
    pub fn with_client_info(mut self, info: Implementation) -> Self {
        self.client_info = info;
        self
    }

    /// Sets [`capabilities`](Self::capabilities).
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: ClientCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Sets [`prior_discover`](Self::prior_discover).
    #[must_use]
    pub fn with_prior_discover(mut self, verdict: impl Into<Option<Verdict>>) -> Self {
        self.prior_discover = verdict.into();
        self
    }

    /// Sets [`on_verdict`](Self::on_verdict).
    #[must_use]
    pub fn with_on_verdict(mut self, handler: impl Fn(&Verdict) + Send + Sync + 'static) -> Self {
        self.on_verdict = Some(Arc::new(handler));
        self
    }

    /// Sets [`probe_timeout`](Self::probe_timeout).
    #[must_use]
    pub fn with_probe_timeout(mut self, limit: Duration) -> Self {
        self.probe_timeout = limit;
        self
    }

    /// Sets [`start_timeout`](Self::start_timeout).
    #[must_use]
    pub fn with_start_timeout(mut self, limit: Duration) -> Self {
        self.start_timeout = limit;
        self
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn with_timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Sets [`ping_interval`](Self::ping_interval).
    #[must_use]
    pub fn with_ping_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.ping_interval = interval.into();
        self
    }

    /// Sets [`initialize_meta`](Self::initialize_meta).
    #[must_use]
    pub fn with_initialize_meta(mut self, meta: impl Into<Option<Meta>>) -> Self {
        self.initialize_meta = meta.into();
        self
    }

    /// Sets [`on_notification`](Self::on_notification).
    #[must_use]
    pub fn with_on_notification(
        mut self,
        handler: impl Fn(&Notification) + Send + Sync + 'static,
    ) -> Self {
        self.on_notification = Some(Arc::new(handler));
        self
    }

    /// Sets [`handlers`](Self::handlers).
    #[must_use]
    pub fn with_handlers(mut self, handlers: Handlers) -> Self {
        self.handlers = handlers;
        self
    }

    /// Sets [`max_rounds`](Self::max_rounds).
    #[must_use]
    pub fn with_max_rounds(mut self, rounds: u32) -> Self {
        self.max_rounds = rounds;
        self
    }

    /// Sets [`trace_context`](Self::trace_context).
    #[must_use]
    pub fn with_trace_context(
        mut self,
        provider: impl Fn() -> Option<TraceContext> + Send + Sync + 'static,
    ) -> Self {
        self.trace_context = Some(Arc::new(provider));
        self
    }

    /// Sets [`spans`](Self::spans).
    #[must_use]
    pub fn with_spans(mut self, spans: bool) -> Self {
        self.spans = spans;
        self
    }

    /// Sets [`output_checks`](Self::output_checks).
    #[cfg(feature = "validation")]
    #[must_use]
    pub fn with_output_checks(mut self, checks: impl Into<Option<crate::OutputChecks>>) -> Self {
        self.output_checks = checks.into();
        self
    }

    /// Sets [`cache`](Self::cache).
    #[must_use]
    pub fn with_cache(mut self, cache: impl Into<Option<Cache>>) -> Self {
        self.cache = cache.into();
        self
    }

    /// Adds one of [`extensions`](Self::extensions).
    #[must_use]
    pub fn with_extension(mut self, extension: impl Extension) -> Self {
        self.extensions.push(Arc::new(extension));
        self
    }
}

impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions")
            .field("era", &self.era)
            .field("client_info", &self.client_info.name)
            .field("probe_timeout", &self.probe_timeout)
            .field("start_timeout", &self.start_timeout)
            .field("timeout", &self.timeout)
            .field("handlers", &self.handlers)
            .field("cache", &self.cache)
            .field("extensions", &self.extensions.iter().map(|it| it.id()).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

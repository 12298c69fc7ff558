//! Settings of a [`Client`].

use std::{sync::Arc, time::Duration};

use mcp_core::{
    ClientCapabilities, CreateMessageRequestParams, CreateMessageResult, ElicitRequestFormParams,
    ElicitRequestUrlParams, ElicitResult, Implementation, Notification, ProgressNotificationParams,
    RawJson, Root,
};
use mcp_session::{
    Cache, EraPolicy, Handlers, LogMessage, RawRequest, Reply, ServerRequest, Timeout, Verdict,
    extension::Extension,
};
#[cfg(any(feature = "http", feature = "sse", feature = "stdio"))]
use mcp_session::{Error, ErrorKind};
#[cfg(any(feature = "http", feature = "sse", feature = "stdio"))]
use mcp_transport::Delivery;
use mcp_transport::{Backoff, TraceContext};

use super::Client;
#[cfg(feature = "stdio")]
use crate::process::StderrTarget;
#[cfg(all(feature = "http", feature = "sse"))]
use crate::url_connector::UrlConnector;

/// Declares the extension of a grant type. It has no other behaviour.
#[cfg(feature = "oauth")]
struct AuthExtension(&'static str);

#[cfg(feature = "oauth")]
impl Extension for AuthExtension {
    fn id(&self) -> &str {
        self.0
    }
}

impl Client {
    /// Sends a header with each HTTP request to the server. Replaces a header of the same name.
    ///
    /// Transport detection stays on. Applies to a URL, or to the only remote server of a configuration. For any other
    /// target, or if the header is not valid, [`connect`](Client::connect) fails with kind
    /// [`Config`](crate::ErrorKind::Config). The header is removed on a redirect to another origin.
    ///
    /// ```
    /// # fn run() -> Result<(), mcp_client::Error> {
    /// let client = mcp_client::Client::new("https://example.com/mcp")?.header("x-tenant", "blue");
    /// # Ok(()) }
    /// ```
    #[cfg(any(feature = "http", feature = "sse"))]
    #[doc(alias = "headers")]
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        let applies = self.target.change_url(|url| url.header(name, value));
        self.changed_if("header", applies)
    }

    /// Sends `Authorization: Bearer` with `token` to the server; see [`header`](Client::header).
    #[cfg(any(feature = "http", feature = "sse"))]
    #[must_use]
    pub fn bearer_token(mut self, token: impl AsRef<str>) -> Self {
        let token = token.as_ref();
        let applies = self.target.change_url(|url| url.bearer_token(token));
        self.changed_if("bearer_token", applies)
    }

    /// Authorizes the requests to servers behind URLs: with a token, as [`bearer_token`](Client::bearer_token) does, or
    /// with an `OAuth` (feature `oauth`), which logs in when the server requires it.
    ///
    /// An `OAuth` applies to a URL, and to all remote servers of a configuration that have neither an `auth` token nor
    /// an `Authorization` header. [`connect`](Client::connect) fails with kind [`Config`](crate::ErrorKind::Config) for
    /// any other target, and for a URL that also has an `Authorization` header.
    ///
    /// ```
    /// # fn run() -> Result<(), mcp_client::Error> {
    /// let client = mcp_client::Client::new("https://example.com/mcp")?.auth("token");
    /// # #[cfg(feature = "oauth")] {
    /// let client = mcp_client::Client::new("https://example.com/mcp")?.auth(mcp_client::OAuth::new());
    /// # }
    /// # Ok(()) }
    /// ```
    #[cfg(any(feature = "http", feature = "sse"))]
    #[must_use]
    pub fn auth(self, auth: impl Into<crate::Auth>) -> Self {
        match auth.into() {
            crate::Auth::Bearer(token) => self.bearer_token(token),
            #[cfg(feature = "oauth")]
            crate::Auth::OAuth(auth) => self.oauth(&auth),
        }
    }

    #[cfg(feature = "oauth")]
    fn oauth(mut self, auth: &mcp_auth::OAuth) -> Self {
        let applies = self.target.set_oauth(auth);
        if let Some(id) = auth.extension_id() {
            self.options.extensions.push(Arc::new(AuthExtension(id)));
        }
        self.changed_if("auth", applies)
    }

    /// Sets the HTTP client, with its proxy, certificates and time limits. Default:
    /// [`HttpClient::new`](crate::http::HttpClient::new).
    ///
    /// Transport detection stays on. Applies to a URL and to all remote servers of a configuration; for any other
    /// target, [`connect`](Client::connect) fails with kind [`Config`](crate::ErrorKind::Config).
    #[cfg(any(feature = "http", feature = "sse"))]
    #[doc(alias = "proxy")]
    #[must_use]
    pub fn http_client(mut self, client: mcp_http::HttpClient) -> Self {
        let applies = self.target.change_urls(|url| url.http_client(client.clone()));
        self.changed_if("http_client", applies)
    }

    /// Records an error for `connect` if the setting does not apply to the target.
    #[cfg(any(feature = "http", feature = "sse"))]
    fn changed_if(mut self, setter: &str, applies: bool) -> Self {
        if !applies && self.misuse.is_none() {
            let target = self.target.describe();
            let message = format!(
                "Client::{setter} applies to a URL: set it on the transport, such as \
                 `StreamableHttp::new(url)?.{setter}(…)`, or in the configuration"
            );
            let error = Error::new(ErrorKind::Config, target, message);
            self.misuse = Some(error.with_delivery(Delivery::NotSent));
        }
        self.changed()
    }

    /// Sets the server's name in errors and logs. Default: its command or URL.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self.changed()
    }

    /// Sets which protocol eras may be used. Default: the newest that the server supports.
    #[must_use]
    pub fn era(mut self, policy: EraPolicy) -> Self {
        self.options.era = policy;
        self.changed()
    }

    /// Sets the name and version that servers see in `clientInfo`. Default: those of this library.
    #[must_use]
    pub fn client_info(mut self, name: &str, version: &str) -> Self {
        self.options.client_info = Implementation::new(name, version);
        self.changed()
    }

    /// Declares capabilities, in addition to those of the [`handlers`](Client::handlers). Default: none.
    #[must_use]
    pub fn capabilities(mut self, capabilities: ClientCapabilities) -> Self {
        self.options.capabilities = capabilities;
        self.changed()
    }

    /// Sets the negotiation result of an earlier session, so that the next session opens without probing: the transport
    /// of a URL, and the protocol revision.
    #[must_use]
    pub fn prior_discover(mut self, verdict: Verdict) -> Self {
        #[cfg(all(feature = "http", feature = "sse"))]
        if let Some(crate::one_server::OneServer {
            url: Some(UrlConnector::Detect(detect)), ..
        }) = self.target.one()
            && let Some(binding) = verdict.binding
        {
            detect.assume(binding);
        }
        self.options.prior_discover = Some(verdict);
        self.changed()
    }

    /// Sets a callback for the negotiation result of each new session, for example to save it for
    /// [`prior_discover`](Client::prior_discover). Called again if a saved result turned out to be wrong. It must not
    /// block.
    #[must_use]
    pub fn on_verdict(mut self, handler: impl Fn(&Verdict) + Send + Sync + 'static) -> Self {
        self.options.on_verdict = Some(Arc::new(handler));
        self.changed()
    }

    /// Whether the session stays open between one [`connect`](Client::connect) and the next, which then returns another
    /// handle of it: same process, no handshake. Default: yes for processes and other pipes, no for HTTP.
    ///
    /// The session ends with [`close`](Client::close), with [`Session::close`](crate::Session::close), or in the
    /// background when the last clone of the client and the last handle of the session are dropped. If the server has
    /// ended, the next connect opens a new session. Concurrent connects share one start.
    #[must_use]
    pub fn keep_alive(mut self, keep: bool) -> Self {
        self.keep_alive = Some(keep);
        self.changed()
    }

    /// Reconnects under an open session of the modern era when its connection has ended, for example because the
    /// process died; see [`Restart`](mcp_transport::restart::Restart). Default: calls fail until the next connect.
    #[must_use]
    pub fn restart(mut self, backoff: Backoff) -> Self {
        self.restart = Some(backoff);
        self.changed()
    }

    /// Retries the start of a session while the server is unavailable: nothing listens yet, its process exits, it does
    /// not respond in time, or its HTTP server reports an outage. Permanent errors, such as an unsupported revision,
    /// wrong credentials or a missing command, fail at once. [`start_timeout`](Client::start_timeout) applies to each
    /// attempt. Default: one attempt.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mcp_client::{Client, transport::Backoff};
    ///
    /// # fn run() -> Result<(), mcp_client::Error> {
    /// let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5)).with_attempts(10);
    /// let client = Client::new("https://example.com/mcp")?.connect_backoff(backoff);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "retry")]
    #[must_use]
    pub fn connect_backoff(mut self, backoff: Backoff) -> Self {
        self.connect_backoff = Some(backoff);
        self.changed()
    }

    /// Sets where the stderr of the server goes, or of all processes of a configuration. Overrides the setting of their
    /// [`Stdio`](crate::Stdio). Default: the stderr of this program.
    ///
    /// For a target without a process, [`connect`](Client::connect) fails with kind
    /// [`Config`](crate::ErrorKind::Config).
    ///
    /// ```
    /// use mcp_client::{Client, stdio::Stderr};
    ///
    /// # fn run() -> Result<(), mcp_client::Error> {
    /// # let document = r#"{"mcpServers": {"a": {"command": "a"}, "b": {"command": "b"}}}"#;
    /// let client = Client::new(document)?.stderr(Stderr::Null);
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "stdio")]
    #[must_use]
    pub fn stderr(self, stderr: mcp_transport_stdio::Stderr) -> Self {
        self.set_stderr("stderr", StderrTarget::Given(stderr))
    }

    /// Emits each stderr line of a server as a `tracing` event with the target `mcp_client::stderr`, the level `INFO`
    /// and the field `server`; otherwise as [`stderr`](Client::stderr).
    #[cfg(feature = "stdio")]
    #[doc(alias = "logging")]
    #[must_use]
    pub fn trace_stderr(self) -> Self {
        self.set_stderr("trace_stderr", StderrTarget::Tracing)
    }

    #[cfg(feature = "stdio")]
    fn set_stderr(mut self, setter: &str, stderr: StderrTarget) -> Self {
        if !self.target.has_process() && self.misuse.is_none() {
            let target = self.target.describe();
            let message =
                format!("Client::{setter} applies to processes only, and the target has none");
            let error = Error::new(ErrorKind::Config, target, message);
            self.misuse = Some(error.with_delivery(Delivery::NotSent));
        }
        self.stderr = Some(stderr);
        self.changed()
    }

    /// Sets the time limit of calls that set none themselves. Default: 300 s without any message for the call, and one
    /// hour in total.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.options.timeout = timeout.into();
        self.changed()
    }

    /// Sets how long to wait for the response to `server/discover` before `initialize` is sent as well; the first
    /// response decides. See [`SessionOptions::probe_timeout`](mcp_session::SessionOptions::probe_timeout). Default:
    /// 1.5 s.
    #[must_use]
    pub fn probe_timeout(mut self, limit: Duration) -> Self {
        self.options.probe_timeout = limit;
        self.changed()
    }

    /// Sets the interval of `ping` requests to a legacy server. A ping that fails closes the session, so a dead
    /// connection is detected without a call. Default: no pings.
    #[must_use]
    pub fn ping_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.options.ping_interval = interval.into();
        self.changed()
    }

    /// Sets the `_meta` of `initialize`, for servers of the legacy era. Default: none.
    #[must_use]
    pub fn initialize_meta(mut self, meta: mcp_core::Meta) -> Self {
        self.options.initialize_meta = Some(meta);
        self.changed()
    }

    /// Limits the rounds of input that a server may request before it responds to a call. Default: 10.
    #[must_use]
    pub fn max_rounds(mut self, rounds: u32) -> Self {
        self.options.max_rounds = rounds;
        self.changed()
    }

    /// Sets the time limit of the whole start. Default: 60 s.
    #[must_use]
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.options.start_timeout = limit;
        self.changed()
    }

    /// Sets a callback for notifications that belong to no call, in order of arrival. It must not block.
    #[must_use]
    pub fn on_notification(
        mut self,
        handler: impl Fn(&Notification) + Send + Sync + 'static,
    ) -> Self {
        self.options.on_notification = Some(Arc::new(handler));
        self.changed()
    }

    /// Adds handlers for server requests, log messages and progress. A handler replaces an earlier one of the same
    /// kind; the others stay. Setting a handler declares its capability.
    ///
    /// ```
    /// use mcp_client::{Client, Handlers, types::{ElicitAction, ElicitResult}};
    ///
    /// # fn run() -> Result<(), mcp_client::Error> {
    /// let handlers = Handlers::new().on_elicitation(|asked| async move {
    ///     eprintln!("{} asks: {}", asked.server, asked.params.message);
    ///     ElicitResult::new(ElicitAction::Accept) // with the defaults of the form
    /// });
    /// let client = Client::new("https://example.com/mcp")?.handlers(handlers);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn handlers(mut self, handlers: Handlers) -> Self {
        self.options.handlers = self.options.handlers.merge(handlers);
        self.changed()
    }

    /// Validates the structured results of tools against each tool's `outputSchema`. A result that does not match is an
    /// error that contains the result. Default: no validation.
    ///
    /// ```
    /// use mcp_client::{Client, OutputChecks};
    ///
    /// # fn run() -> Result<(), mcp_client::Error> {
    /// let client = Client::new("https://example.com/mcp")?
    ///     .validate_output(OutputChecks::default().look_up(true)); // also tools that were not listed before
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "validation")]
    #[must_use]
    pub fn validate_output(mut self, checks: mcp_session::OutputChecks) -> Self {
        self.options.output_checks = Some(checks);
        self.changed()
    }

    /// Sets the response cache, which honours the server's `ttlMs` and `cacheScope`. Default: in memory, for this
    /// client and its clones; over HTTP also across sessions. [`Cache::off`] turns it off.
    ///
    /// The client uses the settings and the [store](Cache::store) of `cache` with a separate memory, as
    /// [`Cache::for_client`] does: clients given clones of one cache share only the store.
    ///
    /// ```
    /// use mcp_client::{Cache, Client};
    ///
    /// # fn run() -> Result<(), mcp_client::Error> {
    /// let client = Client::new("https://example.com/mcp")?.cache(Cache::new().max_bytes(1 << 20));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn cache(mut self, cache: Cache) -> Self {
        self.options.cache = Some(cache);
        self.changed()
    }

    /// Sets the handler for form elicitation: [`Handlers::on_elicitation`].
    #[must_use]
    pub fn on_elicitation<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<ElicitRequestFormParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<ElicitResult>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_elicitation(handler);
        self.changed()
    }

    /// Sets the handler for sampling: [`Handlers::on_sampling`].
    #[must_use]
    pub fn on_sampling<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<CreateMessageRequestParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<CreateMessageResult>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_sampling(handler);
        self.changed()
    }

    /// Sets the handler for sampling with tools: [`Handlers::on_sampling_with_tools`].
    #[must_use]
    pub fn on_sampling_with_tools<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<CreateMessageRequestParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<CreateMessageResult>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_sampling_with_tools(handler);
        self.changed()
    }

    /// Sets the handler for URL elicitation: [`Handlers::on_url_elicitation`].
    #[must_use]
    pub fn on_url_elicitation<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<ElicitRequestUrlParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<ElicitResult>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_url_elicitation(handler);
        self.changed()
    }

    /// Sets the handler for all requests that have no other handler: [`Handlers::on_request`].
    #[must_use]
    pub fn on_request<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<RawRequest>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<RawJson>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_request(handler);
        self.changed()
    }

    /// Sets the callback for log messages of the server: [`Handlers::on_log`].
    #[doc(alias = "logging")]
    #[must_use]
    pub fn on_log(mut self, handler: impl Fn(LogMessage) + Send + Sync + 'static) -> Self {
        self.options.handlers = self.options.handlers.on_log(handler);
        self.changed()
    }

    /// Sets the callback for progress of calls that have none themselves: [`Handlers::on_progress`].
    #[must_use]
    pub fn on_progress(
        mut self,
        handler: impl Fn(ProgressNotificationParams) + Send + Sync + 'static,
    ) -> Self {
        self.options.handlers = self.options.handlers.on_progress(handler);
        self.changed()
    }

    /// Sets a fixed list of roots: [`Handlers::roots`].
    #[must_use]
    pub fn roots(mut self, roots: impl IntoIterator<Item = Root>) -> Self {
        self.options.handlers = self.options.handlers.roots(roots);
        self.changed()
    }

    /// Sets the handler that lists the roots: [`Handlers::on_roots`].
    #[must_use]
    pub fn on_roots<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<()>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<Vec<Root>>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_roots(handler);
        self.changed()
    }

    /// Sets the source of the trace context for the `_meta` and HTTP headers of messages; see
    /// [`SessionOptions::trace_context`](crate::SessionOptions::trace_context). Default: none is sent.
    ///
    /// Every server sees the returned values, including the baggage. With OpenTelemetry, the application's propagator
    /// fills them from the current span, which is the span of the call: `examples/opentelemetry.rs`.
    ///
    /// ```
    /// use mcp_client::{Client, TraceContext};
    ///
    /// # fn run() -> Result<(), mcp_client::Error> {
    /// let client = Client::new("https://example.com/mcp")?.trace_context(|| {
    ///     Some(TraceContext::new("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"))
    /// });
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn trace_context(
        mut self,
        provider: impl Fn() -> Option<TraceContext> + Send + Sync + 'static,
    ) -> Self {
        self.options.trace_context = Some(Arc::new(provider));
        self.changed()
    }

    /// Enables `tracing` spans for calls; see [`SessionOptions::spans`](crate::SessionOptions::spans). Default:
    /// enabled.
    #[must_use]
    pub fn spans(mut self, spans: bool) -> Self {
        self.options.spans = spans;
        self.changed()
    }

    /// Declares and uses a protocol extension, in addition to those set before.
    ///
    /// A group of servers declares no extension, because it could not route the extension's messages.
    #[must_use]
    pub fn extension(mut self, extension: impl Extension) -> Self {
        self.options.extensions.push(Arc::new(extension));
        self.changed()
    }
}

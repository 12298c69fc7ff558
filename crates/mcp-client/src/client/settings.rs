//! How a server is spoken to.

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

/// Declares the extension that a grant belongs to. It has nothing else to do.
#[cfg(feature = "oauth")]
struct AuthExtension(&'static str);

#[cfg(feature = "oauth")]
impl Extension for AuthExtension {
    fn id(&self) -> &str {
        self.0
    }
}

impl Client {
    /// Sends a header with each HTTP request to the server, in place of one of the same name.
    ///
    /// The transport is still detected. Applies to a URL, or the single remote server of a configuration; for
    /// another target, [`connect`](Client::connect) fails with kind [`Config`](crate::ErrorKind::Config). So it
    /// does for a header that is not valid. A redirect to another origin loses the header.
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

    /// Authorizes the requests to servers behind URLs: with a token, as [`bearer_token`](Client::bearer_token),
    /// or with an `OAuth` (feature `oauth`), which logs in when the server asks for it.
    ///
    /// An `OAuth` applies to a URL, and to all remote servers of a configuration that have no `auth` token and no
    /// `Authorization` header. For another target [`connect`](Client::connect) fails with kind
    /// [`Config`](crate::ErrorKind::Config), and so it does for a URL that has an `Authorization` header as well.
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

    /// Sends the HTTP requests with this client: its proxy, certificates and time-outs. Default:
    /// [`HttpClient::new`](crate::http::HttpClient::new).
    ///
    /// The transport is still detected. Applies to a URL and to all remote servers of a configuration; for
    /// another target, [`connect`](Client::connect) fails with kind [`Config`](crate::ErrorKind::Config).
    #[cfg(any(feature = "http", feature = "sse"))]
    #[doc(alias = "proxy")]
    #[must_use]
    pub fn http_client(mut self, client: mcp_http::HttpClient) -> Self {
        let applies = self.target.change_urls(|url| url.http_client(client.clone()));
        self.changed_if("http_client", applies)
    }

    /// A setting that does not apply to the target is an error at connect.
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

    /// What errors and logs call the server. Default: its command or URL.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self.changed()
    }

    /// The era of the protocol that is spoken. Default: the newest that the server speaks.
    #[must_use]
    pub fn era(mut self, policy: EraPolicy) -> Self {
        self.options.era = policy;
        self.changed()
    }

    /// Who we are, as servers see it. Default: the name and version of this library.
    #[must_use]
    pub fn client_info(mut self, name: &str, version: &str) -> Self {
        self.options.client_info = Implementation::new(name, version);
        self.changed()
    }

    /// The capabilities that the client declares, in addition to those of its [`handlers`](Client::handlers).
    /// Default: none.
    #[must_use]
    pub fn capabilities(mut self, capabilities: ClientCapabilities) -> Self {
        self.options.capabilities = capabilities;
        self.changed()
    }

    /// What an earlier session found out about this server, to open the next one without asking again:
    /// which transport a URL speaks, and which revision.
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

    /// Takes what each session that is opened found out about the server, such as to save it for
    /// [`prior_discover`](Client::prior_discover); again where that did not hold. It must not block.
    #[must_use]
    pub fn on_verdict(mut self, handler: impl Fn(&Verdict) + Send + Sync + 'static) -> Self {
        self.options.on_verdict = Some(Arc::new(handler));
        self.changed()
    }

    /// Whether a session stays open between one [`connect`](Client::connect) and the next, which then
    /// gives another handle of it: the same process, and no handshake. Default: it does where a server is
    /// a process or another shared pipe, and over HTTP it does not.
    ///
    /// It ends with [`close`](Client::close), with [`Session::close`](crate::Session::close), or in the background when the last
    /// of the client's clones and the session's handles is dropped. A server that has ended is replaced at
    /// the next connect. Connects at the same time share one start.
    #[must_use]
    pub fn keep_alive(mut self, keep: bool) -> Self {
        self.keep_alive = Some(keep);
        self.changed()
    }

    /// Reconnects under an open session of the modern era when its connection has ended, such as to a process
    /// that has died; see [`Restart`](mcp_transport::restart::Restart). Default: calls fail until the next connect.
    #[must_use]
    pub fn restart(mut self, backoff: Backoff) -> Self {
        self.restart = Some(backoff);
        self.changed()
    }

    /// Retries the start of a session while the server cannot be reached: nothing listens yet, its process ends, it
    /// does not answer in time, or its HTTP server reports an outage. A start that cannot succeed later, such as
    /// with a wrong revision, credentials or command, fails at once. Each attempt may take the
    /// [`start_timeout`](Client::start_timeout). Default: one attempt.
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

    /// Sets where the stderr of the server goes, or of all servers of a configuration that are processes, in place
    /// of what their [`Stdio`](crate::Stdio) says. Default: the stderr of this program.
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

    /// Turns each line on the stderr of a server into an event of `tracing` with the target `mcp_client::stderr`,
    /// the level `INFO` and the field `server`; otherwise as [`stderr`](Client::stderr).
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
            let message = format!("Client::{setter} applies to processes, and this is none");
            let error = Error::new(ErrorKind::Config, target, message);
            self.misuse = Some(error.with_delivery(Delivery::NotSent));
        }
        self.stderr = Some(stderr);
        self.changed()
    }

    /// The limit on calls that set none of their own. Default: 300 s without any message for the call, and one
    /// hour for the whole call.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.options.timeout = timeout.into();
        self.changed()
    }

    /// How long the first message, `server/discover`, is waited for alone. After that `initialize` is sent beside
    /// it, and whichever is answered first counts; see
    /// [`SessionOptions::probe_timeout`](mcp_session::SessionOptions::probe_timeout). Default: 1.5 s.
    #[must_use]
    pub fn probe_timeout(mut self, limit: Duration) -> Self {
        self.options.probe_timeout = limit;
        self.changed()
    }

    /// How often a legacy server is sent a `ping`, so that a dead connection shows without a call: it closes the
    /// session. Default: never.
    #[must_use]
    pub fn ping_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.options.ping_interval = interval.into();
        self.changed()
    }

    /// The `_meta` of `initialize`, for servers of the legacy era. Default: none.
    #[must_use]
    pub fn initialize_meta(mut self, meta: mcp_core::Meta) -> Self {
        self.options.initialize_meta = Some(meta);
        self.changed()
    }

    /// The rounds in which a server may ask for input before it answers a call. Default: 10.
    #[must_use]
    pub fn max_rounds(mut self, rounds: u32) -> Self {
        self.options.max_rounds = rounds;
        self.changed()
    }

    /// How long all of the start may take. Default: 60 s.
    #[must_use]
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.options.start_timeout = limit;
        self.changed()
    }

    /// Takes the notifications that belong to no call, in order. It must not block.
    #[must_use]
    pub fn on_notification(
        mut self,
        handler: impl Fn(&Notification) + Send + Sync + 'static,
    ) -> Self {
        self.options.on_notification = Some(Arc::new(handler));
        self.changed()
    }

    /// Adds handlers for the requests of servers, for their log messages and for progress. Each replaces the one
    /// of the same kind, and the others stay. Setting a handler declares the capability.
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

    /// Judges the structured results of tools by the `outputSchema` of each tool: what does not fit is an
    /// error that has the result. Default: nothing is judged.
    ///
    /// ```
    /// use mcp_client::{Client, OutputChecks};
    ///
    /// # fn run() -> Result<(), mcp_client::Error> {
    /// let client = Client::new("https://example.com/mcp")?
    ///     .validate_output(OutputChecks::default().look_up(true)); // also tools that nobody has listed
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "validation")]
    #[must_use]
    pub fn validate_output(mut self, checks: mcp_session::OutputChecks) -> Self {
        self.options.output_checks = Some(checks);
        self.changed()
    }

    /// What becomes of results that servers let their clients keep. Default: they are kept in memory, for
    /// this client and its clones; with an HTTP server also from one session to the next. [`Cache::off`]
    /// keeps nothing.
    ///
    /// The client takes the settings and the [store](Cache::store) of `cache`, and a memory of its own, as
    /// [`Cache::for_client`] does: clients that are given clones of one cache share what is in the store, and
    /// nothing else.
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

    /// Asks a person to fill in a form: [`Handlers::on_elicitation`].
    #[must_use]
    pub fn on_elicitation<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<ElicitRequestFormParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<ElicitResult>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_elicitation(handler);
        self.changed()
    }

    /// Asks a model: [`Handlers::on_sampling`].
    #[must_use]
    pub fn on_sampling<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<CreateMessageRequestParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<CreateMessageResult>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_sampling(handler);
        self.changed()
    }

    /// Asks a model that can call tools: [`Handlers::on_sampling_with_tools`].
    #[must_use]
    pub fn on_sampling_with_tools<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<CreateMessageRequestParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<CreateMessageResult>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_sampling_with_tools(handler);
        self.changed()
    }

    /// Asks a person to visit a page: [`Handlers::on_url_elicitation`].
    #[must_use]
    pub fn on_url_elicitation<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<ElicitRequestUrlParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<ElicitResult>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_url_elicitation(handler);
        self.changed()
    }

    /// Answers all requests without a handler of their own: [`Handlers::on_request`].
    #[must_use]
    pub fn on_request<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<RawRequest>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<RawJson>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_request(handler);
        self.changed()
    }

    /// Receives the log messages of the server: [`Handlers::on_log`].
    #[doc(alias = "logging")]
    #[must_use]
    pub fn on_log(mut self, handler: impl Fn(LogMessage) + Send + Sync + 'static) -> Self {
        self.options.handlers = self.options.handlers.on_log(handler);
        self.changed()
    }

    /// Receives the progress of all calls without a handler of their own: [`Handlers::on_progress`].
    #[must_use]
    pub fn on_progress(
        mut self,
        handler: impl Fn(ProgressNotificationParams) + Send + Sync + 'static,
    ) -> Self {
        self.options.handlers = self.options.handlers.on_progress(handler);
        self.changed()
    }

    /// Names roots that stay as they are: [`Handlers::roots`].
    #[must_use]
    pub fn roots(mut self, roots: impl IntoIterator<Item = Root>) -> Self {
        self.options.handlers = self.options.handlers.roots(roots);
        self.changed()
    }

    /// Names the roots: [`Handlers::on_roots`].
    #[must_use]
    pub fn on_roots<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(ServerRequest<()>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<Vec<Root>>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_roots(handler);
        self.changed()
    }

    /// Says which trace is on, for the `_meta` and the HTTP headers of what is sent; see
    /// [`SessionOptions::trace_context`](crate::SessionOptions::trace_context). Default: nothing is sent.
    ///
    /// Every server sees what it gives, also the baggage. With OpenTelemetry it is the propagator of the
    /// application that fills it, from the current span, which is then that of the call:
    /// `examples/opentelemetry.rs`.
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

    /// Whether there are spans of `tracing` for calls; see [`SessionOptions::spans`](crate::SessionOptions::spans). Default: there are.
    #[must_use]
    pub fn spans(mut self, spans: bool) -> Self {
        self.options.spans = spans;
        self.changed()
    }

    /// Declares an extension of the protocol to servers and uses it, in addition to those given before.
    ///
    /// A group of servers declares no extension, since it could not route their messages.
    #[must_use]
    pub fn extension(mut self, extension: impl Extension) -> Self {
        self.options.extensions.push(Arc::new(extension));
        self.changed()
    }
}

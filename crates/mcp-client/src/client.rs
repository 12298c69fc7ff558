use std::{fmt, future::IntoFuture, pin::Pin, sync::Arc, time::Duration};

use mcp_core::{
    ClientCapabilities, CreateMessageRequestParams, CreateMessageResult, ElicitRequestFormParams,
    ElicitResult, Era, Implementation, Notification, Root,
};
use mcp_session::{
    Asked, Cache, Error, Extension, Handlers, Mode, Reply, Session, SessionOptions, Timeout,
    Verdict,
};
use mcp_transport::{Binding, Connect, Restart, RestartPolicy, TraceContext};

use crate::{
    IntoTarget, Target,
    kept::Kept,
    target::{One, Way},
};
#[cfg(feature = "config")]
use mcp_transport_memory::Memory;

#[cfg(feature = "config")]
const MARGIN: Duration = Duration::from_secs(1);

/// A server to connect to, and how: plain configuration, cheap to clone.
///
/// Clones share what is [kept](Client::keep_alive); a clone with another setting begins for itself.
#[derive(Clone)]
pub struct Client {
    target: Target,
    name: Option<Arc<str>>,
    options: SessionOptions,
    keep_alive: Option<bool>,
    restart: Option<RestartPolicy>,
    #[cfg(feature = "config")]
    grouping: Option<Grouping>,
    kept: Arc<Kept>,
}

#[cfg(feature = "config")]
type Grouping = Arc<dyn Fn(mcp_group::GroupBuilder) -> mcp_group::GroupBuilder + Send + Sync>;

impl Client {
    /// Infers the transport from what is given:
    ///
    /// | given | reached by |
    /// |---|---|
    /// | a URL with `http` or `https`, as `&str`, `String` or `Url` | Streamable HTTP |
    /// | such a URL with `sse` as a segment of its path | HTTP+SSE |
    /// | the path of an existing `.py` file, as text or `Path` | stdio, with a Python interpreter |
    /// | the path of an existing `.js`, `.mjs` or `.cjs` file | stdio, with Node |
    /// | a `Stdio`, a `StreamableHttp`, an `Sse`, any `Connect` | itself |
    /// | a `Server`, any `Serve` | a call in this process |
    /// | an `McpConfig`, a `serde_json::Value` or text of one, the path of its file | its one server, or all behind one session |
    /// | a pair `(AsyncRead, AsyncWrite)` | lines of JSON over it, once |
    /// | a pair `(Sink<Message>, Stream<Result<Message, _>>)` | its messages, once |
    ///
    /// Does no I/O other than looking whether a path exists.
    ///
    /// # Errors
    /// Kind [`Target`](crate::ErrorKind::Target) when nothing can be inferred; the text says what the
    /// target looks like and what to write instead.
    pub fn new<Kind>(target: impl IntoTarget<Kind>) -> Result<Self, Error> {
        let target = target.into_target()?;
        let mut client = Self {
            target,
            name: None,
            options: SessionOptions::default(),
            keep_alive: None,
            restart: None,
            #[cfg(feature = "config")]
            grouping: None,
            kept: Arc::default(),
        };
        if let Some(One { settings, .. }) = client.target.one() {
            client.name.clone_from(&settings.name);
            client.keep_alive = settings.keep_alive;
            settings.apply(&mut client.options);
        }
        Ok(client)
    }

    /// What errors and logs call the server. Default: its command or URL.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self.anew()
    }

    /// Which era is spoken. Default: the newest that the server speaks.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.options.mode = mode;
        self.anew()
    }

    /// Who we are, as servers see it. Default: the name and version of this library.
    #[must_use]
    pub fn client_info(mut self, name: &str, version: &str) -> Self {
        self.options.client_info = Implementation::new(name, version);
        self.anew()
    }

    /// What the client declares to be capable of, beside what its [`handlers`](Client::handlers)
    /// declare. Default: nothing.
    #[must_use]
    pub fn capabilities(mut self, capabilities: ClientCapabilities) -> Self {
        self.options.capabilities = capabilities;
        self.anew()
    }

    /// What an earlier session found out about this server, to open the next one without asking again:
    /// which transport a URL speaks, and which revision.
    #[must_use]
    pub fn prior_discover(mut self, verdict: Verdict) -> Self {
        #[cfg(all(feature = "http", feature = "sse"))]
        if let Some(One { detect: Some(detect), .. }) = self.target.one()
            && let Some(binding) = verdict.binding
        {
            detect.assume(binding);
        }
        self.options.prior_discover = Some(verdict);
        self.anew()
    }

    /// Whether a session stays open between one [`connect`](Client::connect) and the next, which then
    /// gives another handle of it: the same process, and no handshake. Default: it does where a server is
    /// a process or another shared pipe, and over HTTP it does not.
    ///
    /// It ends with [`close`](Client::close), with [`Session::close`], or in the background when the last
    /// of the client's clones and the session's handles is dropped. A server that has ended is replaced at
    /// the next connect. Connects at the same time share one start.
    #[must_use]
    pub fn keep_alive(mut self, keep: bool) -> Self {
        self.keep_alive = Some(keep);
        self.anew()
    }

    /// Opens a connection that is over anew under an open session, such as to a process that has died, in
    /// the modern era; see [`Restart`]. Default: calls fail, until the next connect.
    #[must_use]
    pub fn restart(mut self, policy: RestartPolicy) -> Self {
        self.restart = Some(policy);
        self.anew()
    }

    /// The limit on calls that set none of their own. Default: 300 s without any message for the call.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.options.timeout = timeout.into();
        self.anew()
    }

    /// How long a server on a shared pipe may leave the first question about its era unanswered before
    /// it is taken for one of the legacy era. Default: 10 s.
    #[must_use]
    pub fn probe_timeout(mut self, limit: Duration) -> Self {
        self.options.probe_timeout = limit;
        self.anew()
    }

    /// How long all of the start may take. Default: 60 s.
    #[must_use]
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.options.start_timeout = limit;
        self.anew()
    }

    /// Takes the notifications that belong to no call, in order. It must not block.
    #[must_use]
    pub fn on_notification(
        mut self,
        handler: impl Fn(&Notification) + Send + Sync + 'static,
    ) -> Self {
        self.options.on_notification = Some(Arc::new(handler));
        self.anew()
    }

    /// What is done for servers: forms and pages for people, models, roots, and what they log. To set a
    /// handler is to declare the capability.
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
        self.options.handlers = handlers;
        self.anew()
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
        self.anew()
    }

    /// What becomes of results that servers let their clients keep. Default: they are kept in memory, for
    /// this client and its clones, also from one session to the next. [`Cache::off`] keeps nothing.
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
        self.options.cache = cache;
        self.anew()
    }

    /// Asks a person to fill in a form: [`Handlers::on_elicitation`].
    #[must_use]
    pub fn on_elicitation<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(Asked<ElicitRequestFormParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<ElicitResult>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_elicitation(handler);
        self.anew()
    }

    /// Asks a model: [`Handlers::on_sampling`].
    #[must_use]
    pub fn on_sampling<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(Asked<CreateMessageRequestParams>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<CreateMessageResult>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_sampling(handler);
        self.anew()
    }

    /// Names the roots: [`Handlers::on_roots`].
    #[must_use]
    pub fn on_roots<F, A>(mut self, handler: F) -> Self
    where
        F: Fn(Asked<()>) -> A + Send + Sync + 'static,
        A: Future<Output: Reply<Vec<Root>>> + Send + 'static,
    {
        self.options.handlers = self.options.handlers.on_roots(handler);
        self.anew()
    }

    /// Says which trace is on, for the `_meta` and the HTTP headers of what is sent; see
    /// [`SessionOptions::trace_context`]. Default: nothing is sent.
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
        self.anew()
    }

    /// Whether there are spans of `tracing` for calls; see [`SessionOptions::spans`]. Default: there are.
    #[must_use]
    pub fn spans(mut self, spans: bool) -> Self {
        self.options.spans = spans;
        self.anew()
    }

    /// Declares an extension of the protocol to servers and uses it, beside those given before.
    ///
    /// The servers of a configuration with several are told of none, since their group could not route what
    /// they send then.
    #[must_use]
    pub fn extension(mut self, extension: impl Extension) -> Self {
        self.options.extensions.push(Arc::new(extension));
        self.anew()
    }

    /// Opens a session: `.await` it, or set limits for this session alone before.
    ///
    /// # Errors
    /// When the server cannot be reached or started, or shares no revision of the protocol. The error
    /// names the server and the cause.
    pub fn connect(&self) -> Connecting {
        Connecting {
            client: self.clone(),
            timeout: self.options.timeout,
            start_timeout: self.options.start_timeout,
        }
    }

    /// What the last session that was opened found out about the server: to be read, or saved and given
    /// to [`prior_discover`](Client::prior_discover) another time.
    pub fn verdict(&self) -> Option<Verdict> {
        self.kept.verdict()
    }

    /// Ends what is kept between sessions, such as a process, in order. Later connects start anew.
    ///
    /// Waits for a connect that is under way. Bounded by the transport's own limits.
    ///
    /// # Errors
    /// When the end was not an orderly one.
    pub async fn close(&self) -> Result<(), Error> {
        self.kept.close().await
    }

    /// How the servers of a configuration are put together where there are several: whether names tell
    /// the server, how they are made, whether servers are opened only when they are needed, how a dead one
    /// is tried again.
    ///
    /// ```no_run
    /// # fn run() -> Result<(), mcp_client::Error> {
    /// let client = mcp_client::Client::new("mcp.json")?
    ///     .grouping(|group| group.lazy(true).naming(|server, name| format!("{name}-of-{server}")));
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "config")]
    #[must_use]
    pub fn grouping(
        mut self,
        change: impl Fn(mcp_group::GroupBuilder) -> mcp_group::GroupBuilder + Send + Sync + 'static,
    ) -> Self {
        self.grouping = Some(Arc::new(change));
        self.anew()
    }

    /// The group behind the sessions of a configuration with several servers: their status, and what can
    /// be done with each at run time. `None` for any other target.
    #[cfg(feature = "config")]
    pub fn group(&self) -> Option<mcp_group::Group> {
        match &self.target.0 {
            Way::One(_) => None,
            Way::Many(many) => Some(self.group_of(many)),
        }
    }

    #[cfg(feature = "config")]
    fn group_of(&self, many: &crate::config::Many) -> mcp_group::Group {
        self.kept.group(|| {
            let group = many.group(&self.options);
            match &self.grouping {
                Some(change) => change(group).build(),
                None => group.build(),
            }
        })
    }

    /// What was kept belongs to the settings that it was opened with.
    fn anew(mut self) -> Self {
        self.kept = Arc::default();
        self.options.cache = self.options.cache.for_client();
        self
    }

    fn keeps_alive(&self) -> bool {
        // A group keeps its servers itself.
        self.target.one().is_some_and(|one| {
            self.keep_alive.unwrap_or_else(|| one.connect.binding() == Binding::Stream)
        })
    }

    async fn open(&self, start_timeout: Duration) -> Result<Session, Error> {
        let mut options = self.options.clone();
        options.start_timeout = start_timeout;
        if options.prior_discover.is_none() {
            // Only a question that nobody answers is left out: what a server offers may have changed.
            options.prior_discover = self.kept.verdict().filter(|it| it.era() == Era::Legacy);
        }
        let connect = match &self.target.0 {
            Way::One(one) => one.connect.clone(),
            #[cfg(feature = "config")]
            Way::Many(many) => {
                let group = self.group_of(many);
                // The group has to have the time to say which of its servers did not start.
                options.start_timeout = start_timeout.max(group.start_timeout() + MARGIN);
                // The sessions of the group have them, with the names that the servers know.
                options.spans = false;
                options.trace_context = None;
                // The sessions in the group keep what their servers let them, and hear of changes.
                options.cache = Cache::off();
                mcp_transport::SharedConnect::new(Memory::new(group))
            }
        };
        let name = self.name.as_deref();
        let session = match self.restart {
            Some(policy) => Session::open(Restart::new(connect, policy), name, options).await?,
            None => Session::open(connect, name, options).await?,
        };
        self.kept.found(session.verdict());
        Ok(session)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("target", &self.target)
            .field("name", &self.name)
            .field("options", &self.options)
            .field("keep_alive", &self.keeps_alive())
            .field("restart", &self.restart)
            .finish_non_exhaustive()
    }
}

/// A session that is about to be opened; see [`Client::connect`].
#[derive(Debug)]
#[must_use = "nothing happens unless it is awaited"]
pub struct Connecting {
    client: Client,
    timeout: Timeout,
    start_timeout: Duration,
}

impl Connecting {
    /// The limit on calls through this handle that set none of their own.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// How long all of this start may take. The wait for a start that is under way already counts for
    /// itself.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.start_timeout = limit;
        self
    }
}

impl IntoFuture for Connecting {
    type Output = Result<Session, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, timeout, start_timeout } = self;
        Box::pin(async move {
            let session = match client.keeps_alive() {
                true => client.kept.session(start_timeout, client.open(start_timeout)).await?,
                false => client.open(start_timeout).await?,
            };
            Ok(session.with_timeout(timeout))
        })
    }
}

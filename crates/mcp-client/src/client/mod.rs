use std::{fmt, future::IntoFuture, pin::Pin, sync::Arc, time::Duration};

use mcp_session::{Cache, Error, ErrorKind, Session, SessionOptions, Timeout, Verdict};
use mcp_transport::{
    Backoff, Connect as _, Delivery, SharedConnect,
    restart::Restart,
    util::{Retries, require_runtime},
};

#[cfg(feature = "stdio")]
use crate::process::StderrTarget;
use crate::{IntoTarget, Target, kept::Kept, one_server::OneServer, target::Servers};
#[cfg(feature = "config")]
use mcp_transport_memory::Memory;

#[cfg(feature = "config")]
const MARGIN: Duration = Duration::from_secs(1);

/// A server to connect to, with its settings: plain configuration, cheap to clone.
///
/// Start with [`new`](Client::new) and [`connect`](Client::connect); every setting has a default. Clones share [open
/// sessions](Client::keep_alive) until one of them changes a setting.
#[derive(Clone)]
pub struct Client {
    target: Target,
    name: Option<Arc<str>>,
    options: SessionOptions,
    keep_alive: Option<bool>,
    restart: Option<Backoff>,
    /// Delays between attempts to start.
    connect_backoff: Option<Backoff>,
    #[cfg(feature = "stdio")]
    stderr: Option<StderrTarget>,
    /// The first setting that does not apply to the target.
    misuse: Option<Error>,
    #[cfg(feature = "config")]
    grouping: Option<Grouping>,
    kept: Arc<Kept>,
    wrap: Option<Wrap>,
}

/// Wraps the connector of a server.
type Wrap = Arc<dyn Fn(SharedConnect) -> SharedConnect + Send + Sync>;

#[cfg(feature = "config")]
type Grouping = Arc<dyn Fn(mcp_group::GroupBuilder) -> mcp_group::GroupBuilder + Send + Sync>;

impl Client {
    /// Infers the transport from the target:
    ///
    /// | target | transport |
    /// |---|---|
    /// | a URL with `http` or `https`, as `&str`, `String` or `Url` | Streamable HTTP; HTTP+SSE if the server refuses it |
    /// | such a URL with `sse` as a segment of its path | HTTP+SSE; Streamable HTTP if the server refuses it |
    /// | the path of an existing `.py` file, as text or `Path` | stdio, with a Python interpreter |
    /// | the path of an existing `.js`, `.mjs` or `.cjs` file | stdio, with Node |
    /// | a `Stdio`, a `StreamableHttp`, an `Sse`, any `Connect` | as configured |
    /// | a `Server`, any `Serve` | a call in this process |
    /// | an `McpConfig`, a `serde_json::Value` or text of one, the path of its file | its only server, or all servers
    /// behind one session |
    /// | a pair `(AsyncRead, AsyncWrite)` | lines of JSON over the streams; connects only once |
    /// | a pair `(Sink<Message>, Stream<Result<Message, _>>)` | messages over the streams; connects only once |
    ///
    /// The only I/O is a check whether a path exists.
    ///
    /// # Errors
    /// Kind [`Target`](crate::ErrorKind::Target) if no transport can be inferred; the text says what the target looks
    /// like and what to write instead.
    pub fn new<Kind>(target: impl IntoTarget<Kind>) -> Result<Self, Error> {
        let target = target.into_target()?;
        let mut options = SessionOptions::default();
        options.cache = Some(Cache::new());
        let mut client = Self {
            target,
            name: None,
            options,
            keep_alive: None,
            restart: None,
            connect_backoff: None,
            #[cfg(feature = "stdio")]
            stderr: None,
            misuse: None,
            #[cfg(feature = "config")]
            grouping: None,
            kept: Arc::default(),
            wrap: None,
        };
        if let Some(OneServer { settings, .. }) = client.target.one() {
            client.name.clone_from(&settings.name);
            client.keep_alive = settings.keep_alive;
            settings.apply(&mut client.options);
        }
        Ok(client)
    }

    /// Opens a session. Limits for this session alone can be set before the `.await`.
    ///
    /// # Errors
    /// The server cannot be reached or started, or supports no common protocol revision. The error names the server and
    /// the cause.
    pub fn connect(&self) -> Connecting {
        Connecting {
            client: self.clone(),
            timeout: self.options.timeout,
            start_timeout: self.options.start_timeout,
        }
    }

    /// The negotiation result of the most recent session. Can be saved and passed to
    /// [`prior_discover`](Client::prior_discover) later.
    pub fn verdict(&self) -> Option<Verdict> {
        self.kept.verdict()
    }

    /// Closes the kept session and its process. The next connect opens a new session.
    ///
    /// Waits for a connect in progress. Bounded by the time limits of the transport.
    ///
    /// # Errors
    /// The session did not shut down cleanly.
    pub async fn close(&self) -> Result<(), Error> {
        self.kept.close().await
    }

    /// Sets how the servers of a configuration are combined into a group: prefixes of names, lazy start, reconnect
    /// delays. No effect on a single server.
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
        self.changed()
    }

    /// The group behind the sessions of a configuration with several servers: status and control of each server at run
    /// time. `None` for any other target.
    #[cfg(feature = "config")]
    pub fn group(&self) -> Option<mcp_group::Group> {
        match &self.target.0 {
            Servers::One(_) => None,
            Servers::Many(many) => Some(self.group_of(many)),
        }
    }

    #[cfg(feature = "config")]
    fn group_of(&self, many: &crate::many_servers::ManyServers) -> mcp_group::Group {
        self.kept.group(|| {
            let group = many.group(&self.options, |one, name| self.connector_of(one, name));
            match &self.grouping {
                Some(change) => change(group).build(),
                None => group.build(),
            }
        })
    }

    /// The connector of the server with all transport settings of this client, for example for a relay that forwards
    /// messages without a session. `None` for a configuration with several servers: use [`group`](Self::group).
    ///
    /// # Errors
    /// Kind [`Config`](crate::ErrorKind::Config) if a setting does not apply to the target.
    pub fn connector(&self) -> Result<Option<SharedConnect>, Error> {
        match &self.misuse {
            Some(error) => Err(error.clone()),
            None => Ok(self.target.one().map(|one| self.connector_of(one, self.server_name(one)))),
        }
    }

    /// Wraps the connector of the server, or of each server of a configuration, for example to record all messages.
    /// `wrap` is called for each connect. A second wrapper wraps the first.
    #[doc(alias = "middleware")]
    #[doc(alias = "layer")]
    #[must_use]
    pub fn wrap_connect<C: mcp_transport::Connect>(
        mut self,
        wrap: impl Fn(SharedConnect) -> C + Send + Sync + 'static,
    ) -> Self {
        let inner = self.wrap.take();
        self.wrap = Some(Arc::new(move |connect| {
            let connect = inner.as_ref().map_or(connect.clone(), |inner| inner(connect));
            SharedConnect::new(wrap(connect))
        }));
        self.changed()
    }

    fn server_name(&self, one: &OneServer) -> String {
        self.name.as_deref().map_or_else(|| one.connect.describe(), str::to_owned)
    }

    /// Drops the shared session: it was opened with the previous settings.
    fn changed(mut self) -> Self {
        self.kept = Arc::default();
        self.options.cache = self.options.cache.as_ref().map(Cache::for_client);
        self
    }

    fn no_runtime(&self, cause: mcp_transport::Error) -> Error {
        let server = self.name.clone().unwrap_or_else(|| self.target.describe().into());
        let message = "connecting needs a tokio runtime with a timer: await it within \
                       `#[tokio::main]` or `Runtime::block_on`";
        Error::new(ErrorKind::Config, server, message)
            .with_delivery(Delivery::NotSent)
            .with_source(cause)
    }

    /// `None` if it depends on the connection.
    fn keeps_alive(&self) -> Option<bool> {
        match self.target.0 {
            Servers::One(_) => self.keep_alive,
            // A group keeps its own sessions.
            #[cfg(feature = "config")]
            Servers::Many(_) => Some(false),
        }
    }

    /// The connector of one server, with the settings that apply to all servers of this client.
    fn connector_of(&self, one: &OneServer, name: impl AsRef<str>) -> SharedConnect {
        #[cfg(feature = "stdio")]
        let connect = match (&self.stderr, &one.stdio) {
            (Some(stderr), Some(stdio)) => stderr.apply(stdio, name.as_ref()),
            _ => one.connect.clone(),
        };
        #[cfg(not(feature = "stdio"))]
        let (connect, _) = (one.connect.clone(), name);
        match &self.wrap {
            Some(wrap) => wrap(connect),
            None => connect,
        }
    }

    async fn open(&self, start_timeout: Duration) -> Result<Session, Error> {
        if let Some(error) = &self.misuse {
            return Err(error.clone());
        }
        let mut retries = self.connect_backoff.map(Retries::new);
        #[cfg(feature = "stdio")]
        let is_process = self.target.has_process();
        #[cfg(not(feature = "stdio"))]
        let is_process = false;
        loop {
            let error = match self.open_once(start_timeout).await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            let retries = retries.as_mut().filter(|_| may_start_later(&error, is_process));
            let Some(delay) = retries.and_then(|it| it.next_delay(None)) else { return Err(error) };
            tracing::debug!(%error, ?delay, "the server cannot be reached yet");
            tokio::time::sleep(delay).await;
        }
    }

    async fn open_once(&self, start_timeout: Duration) -> Result<Session, Error> {
        let mut options = self.options.clone();
        options.start_timeout = start_timeout;
        if let Some(kept) = self.kept.verdict() {
            // A given verdict is older than the session. It only decides which request is sent first. The server may
            // have changed since, so an unchecked verdict is used only if the application supplied one.
            let is_used = options.prior_discover.is_some() || kept.is_checked_first();
            options.prior_discover = Some(kept).filter(|_| is_used);
        }
        let (kept, of_application) = (Arc::downgrade(&self.kept), options.on_verdict.take());
        options.on_verdict = Some(Arc::new(move |verdict| {
            if let Some(kept) = kept.upgrade() {
                kept.set_verdict(verdict);
            }
            if let Some(of_application) = &of_application {
                of_application(verdict);
            }
        }));
        let connect = match &self.target.0 {
            Servers::One(one) => self.connector_of(one, self.server_name(one)),
            #[cfg(feature = "config")]
            Servers::Many(many) => {
                let group = self.group_of(many);
                // The group needs enough time to report which of its servers did not start.
                options.start_timeout =
                    start_timeout.max(group.start_timeout().saturating_add(MARGIN));
                // The member sessions create the spans, with the server's names.
                options.spans = false;
                options.trace_context = None;
                // The member sessions cache results and receive the change notifications.
                options.cache = Some(Cache::off());
                SharedConnect::new(Memory::new(group))
            }
        };
        let name = self.name.as_deref();
        match self.restart {
            Some(backoff) => Session::open(Restart::new(connect, backoff), name, options).await,
            None => Session::open(connect, name, options).await,
        }
    }
}

/// Whether a later attempt may succeed: the server is starting, or there is an outage.
fn may_start_later(error: &Error, is_process: bool) -> bool {
    match error.kind() {
        // The command does not exist or may not be executed.
        ErrorKind::Connect => !is_process,
        ErrorKind::Closed
        | ErrorKind::Interrupted
        | ErrorKind::Timeout
        | ErrorKind::Unavailable => true,
        _ => false,
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
#[must_use = "the session is opened only when this is awaited"]
pub struct Connecting {
    client: Client,
    timeout: Timeout,
    start_timeout: Duration,
}

impl Connecting {
    /// Sets the time limit of calls through this handle that set none themselves.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Sets the time limit of the whole start. A start in progress that this connect joins counts too.
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
            if let Err(error) = require_runtime("a client") {
                return Err(client.no_runtime(error));
            }
            let open = || client.open(start_timeout);
            let session = client.kept.session(client.keeps_alive(), open).await?;
            Ok(session.with_timeout(timeout))
        })
    }
}

// Last, so that rustdoc shows them below the main methods.
#[cfg(feature = "serve")]
mod bridging;
mod settings;

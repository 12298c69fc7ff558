mod settings;

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

/// A server to connect to, and how: plain configuration, cheap to clone.
///
/// Clones share what is [kept](Client::keep_alive); a clone with another setting begins for itself.
#[derive(Clone)]
pub struct Client {
    target: Target,
    name: Option<Arc<str>>,
    options: SessionOptions,
    keep_alive: Option<bool>,
    restart: Option<Backoff>,
    /// How failed starts are retried.
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
    /// Infers the transport from what is given:
    ///
    /// | given | reached by |
    /// |---|---|
    /// | a URL with `http` or `https`, as `&str`, `String` or `Url` | Streamable HTTP; HTTP+SSE if the server refuses it |
    /// | such a URL with `sse` as a segment of its path | HTTP+SSE; Streamable HTTP if the server refuses it |
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

    /// Closes the session that is kept between connects, and its process. The next connect starts another one.
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
        self.changed()
    }

    /// The group behind the sessions of a configuration with several servers: their status, and what can
    /// be done with each at run time. `None` for any other target.
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

    /// The connector of the server with all settings of this client that concern the transport, such as for a relay
    /// that passes messages on without a session. `None` for a configuration with several servers, which
    /// [`group`](Self::group) is for.
    ///
    /// # Errors
    /// When a setting does not apply to the target, of kind [`Config`](crate::ErrorKind::Config).
    pub fn connector(&self) -> Result<Option<SharedConnect>, Error> {
        match &self.misuse {
            Some(error) => Err(error.clone()),
            None => Ok(self.target.one().map(|one| self.connector_of(one, self.server_name(one)))),
        }
    }

    /// Wraps the connector of the server, or of each server of a configuration: what `wrap` returns is used in its
    /// place, such as one that records all messages. Called with each connect; a second wrapper goes around the
    /// first.
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

    /// What is kept belongs to the settings that it was opened with.
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

    /// `None` where it depends on the connection.
    fn keeps_alive(&self) -> Option<bool> {
        match self.target.0 {
            Servers::One(_) => self.keep_alive,
            // A group keeps its servers itself.
            #[cfg(feature = "config")]
            Servers::Many(_) => Some(false),
        }
    }

    /// The connector of a server, with the settings that this client has for all of its servers.
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
            // What was given is older. Only what the server is asked first depends on it: what a server offers may
            // have changed, so that one which is not asked first is kept only where a verdict was given.
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
                // The group has to have the time to say which of its servers did not start.
                options.start_timeout =
                    start_timeout.max(group.start_timeout().saturating_add(MARGIN));
                // The sessions of the group have them, with the names that the servers know.
                options.spans = false;
                options.trace_context = None;
                // The sessions in the group keep what their servers let them, and hear of changes.
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

/// Whether a server that cannot be reached may be reached later: it is starting, or there is an outage.
fn may_start_later(error: &Error, is_process: bool) -> bool {
    match error.kind() {
        // A command that cannot be started is missing, or not allowed.
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
            if let Err(error) = require_runtime("a client") {
                return Err(client.no_runtime(error));
            }
            let open = || client.open(start_timeout);
            let session = client.kept.session(client.keeps_alive(), open).await?;
            Ok(session.with_timeout(timeout))
        })
    }
}

// In the order of the documentation: rustdoc shows the `impl` blocks of modules in the order of their declarations.
mod methods;

mod settings;

#[cfg(feature = "serve")]
mod bridging;

use std::{fmt, future::IntoFuture, pin::Pin, sync::Arc, time::Duration};

use mcp_session::{Cache, Error, ErrorKind, Session, SessionOptions, Timeout};
use mcp_transport::{
    Backoff, Connect as _, Delivery, SharedConnect,
    restart::Restart,
    util::{Retries, require_runtime},
};

#[cfg(feature = "stdio")]
use crate::process::StderrTarget;
use crate::{Target, kept::Kept, one_server::OneServer, target::Servers};
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

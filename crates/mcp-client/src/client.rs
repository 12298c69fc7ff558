use std::{fmt, future::IntoFuture, pin::Pin, sync::Arc, time::Duration};

use mcp_core::{ClientCapabilities, Implementation, Notification};
use mcp_session::{Error, Mode, Session, SessionOptions, Timeout, Verdict};
use mcp_transport::SharedConnect;

use crate::IntoTarget;

/// A server to connect to, and how: plain configuration, cheap to clone.
#[derive(Clone)]
pub struct Client {
    connect: SharedConnect,
    name: Option<Arc<str>>,
    options: SessionOptions,
}

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
    /// | a pair `(AsyncRead, AsyncWrite)` | lines of JSON over it, once |
    /// | a pair `(Sink<Message>, Stream<Result<Message, _>>)` | its messages, once |
    ///
    /// Does no I/O other than looking whether a path exists.
    ///
    /// # Errors
    /// Kind [`Target`](crate::ErrorKind::Target) when nothing can be inferred; the text says what the
    /// target looks like and what to write instead.
    pub fn new<Kind>(target: impl IntoTarget<Kind>) -> Result<Self, Error> {
        let connect = target.into_target()?;
        Ok(Self { connect, name: None, options: SessionOptions::default() })
    }

    /// What errors and logs call the server. Default: its command or URL.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Which era is spoken. Default: the newest that the server speaks.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.options.mode = mode;
        self
    }

    /// Who we are, as servers see it. Default: the name and version of this library.
    #[must_use]
    pub fn client_info(mut self, name: &str, version: &str) -> Self {
        self.options.client_info = Implementation::new(name, version);
        self
    }

    /// What the client declares to be capable of. Default: nothing.
    #[must_use]
    pub fn capabilities(mut self, capabilities: ClientCapabilities) -> Self {
        self.options.capabilities = capabilities;
        self
    }

    /// What an earlier session found out about this server, to open the next one without asking again.
    #[must_use]
    pub fn prior_discover(mut self, verdict: Verdict) -> Self {
        self.options.prior_discover = Some(verdict);
        self
    }

    /// The limit on calls that set none of their own. Default: 300 s without any message for the call.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.options.timeout = timeout.into();
        self
    }

    /// How long a server on a shared pipe may leave the first question about its era unanswered before
    /// it is taken for one of the legacy era. Default: 10 s.
    #[must_use]
    pub fn probe_timeout(mut self, limit: Duration) -> Self {
        self.options.probe_timeout = limit;
        self
    }

    /// How long all of the start may take. Default: 60 s.
    #[must_use]
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.options.start_timeout = limit;
        self
    }

    /// Takes the notifications that belong to no call, in order. It must not block.
    #[must_use]
    pub fn on_notification(
        mut self,
        handler: impl Fn(&Notification) + Send + Sync + 'static,
    ) -> Self {
        self.options.on_notification = Some(Arc::new(handler));
        self
    }

    /// Opens a session: `.await` it, or set limits for this session alone before.
    ///
    /// # Errors
    /// When the server cannot be reached or started, or shares no revision of the protocol. The error
    /// names the server and the cause.
    pub fn connect(&self) -> Connecting {
        Connecting { client: self.clone() }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("connect", &self.connect)
            .field("name", &self.name)
            .field("options", &self.options)
            .finish()
    }
}

/// A session that is about to be opened; see [`Client::connect`].
#[derive(Debug)]
#[must_use = "nothing happens unless it is awaited"]
pub struct Connecting {
    client: Client,
}

impl Connecting {
    /// The limit on calls of this session that set none of their own.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.client = self.client.timeout(timeout);
        self
    }

    /// How long all of this start may take.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.client = self.client.start_timeout(limit);
        self
    }
}

impl IntoFuture for Connecting {
    type Output = Result<Session, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Client { connect, name, options } = self.client;
        Box::pin(async move { Session::open(connect, name.as_deref(), options).await })
    }
}

//! The main methods of a [`Client`].

use std::sync::Arc;

use mcp_session::{Cache, Error, SessionOptions, Verdict};
use mcp_transport::SharedConnect;

use super::{Client, Connecting};
#[cfg(feature = "config")]
use crate::target::Servers;
use crate::{IntoTarget, one_server::OneServer};

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
    /// | an `McpConfig`, its JSON as text or `Value`, the path of its file | its only server, or a group of all servers |
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
}

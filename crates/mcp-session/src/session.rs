mod asking;
mod parts;

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, atomic::AtomicI64},
};

use mcp_core::{
    CallToolResult, CompleteRequestParams, CompleteResult, EmptyResult, Era, GetPromptResult,
    Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, Notification, ProtocolVersion, RawJson, ReadResourceResult,
    ServerCapabilities, method,
};
use mcp_transport::{Connect, ConnectionInfo, SharedConnect, SharedTransport, Transport};
use serde::Serialize;
use tracing::Instrument;

use crate::{
    Call, Error, List, SessionOptions, Timeout, Verdict,
    answering::Answering,
    cache::SessionCache,
    inbound::{self, Incoming, Notices},
    logging::LogLevel,
    negotiate::{Opened, open},
    output::Outputs,
    param_headers::ParamTable,
    params::{CommonMeta, Params},
    subscribe::Hub,
    timer::Timers,
    trace::Tracing,
};

/// An open session with one server: a cheap, cloneable handle with the methods of the protocol.
///
/// Calls run concurrently and do not wait for one another. Dropping the future of a call cancels it at
/// the server. The connection ends with [`close`](Session::close), or in the background when the last
/// handle and the last call are dropped.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
    timeout: Timeout,
}

struct Inner {
    transport: SharedTransport,
    connection: ConnectionInfo,
    server: Arc<str>,
    verdict: Verdict,
    meta: CommonMeta,
    next_id: AtomicI64,
    timers: Timers,
    options: SessionOptions,
    notices: Notices,
    hub: Arc<Hub>,
    param_table: ParamTable,
    outputs: Outputs,
    log_level: LogLevel,
    incoming: Incoming,
    tracing: Arc<Tracing>,
}

impl Session {
    /// Connects, finds out which revision the server speaks, and opens a session in it.
    ///
    /// `name` is what errors call the server; by default the connector describes itself. Needs a tokio
    /// runtime with time. Dropping the future ends what was begun.
    ///
    /// # Errors
    /// When the server cannot be reached or started, stays silent for
    /// [`start_timeout`](SessionOptions::start_timeout), refuses, or shares no revision.
    pub async fn open<C: Connect>(
        connect: C,
        name: Option<&str>,
        options: SessionOptions,
    ) -> Result<Self, Error> {
        let connect = SharedConnect::new(connect);
        let server: Arc<str> = match name {
            Some(name) => name.into(),
            None => connect.describe().into(),
        };
        let opened = open(&connect, &server, &options).await?;
        let Opened { connection, verdict, meta, tracing } = opened;
        let tracing = Arc::new(tracing);
        tracing::debug!(%server, version = %verdict.protocol_version, "session opened");
        let answering = Answering::new(
            connection.transport.clone(),
            Arc::clone(&server),
            verdict.protocol_version,
            options.handlers.clone(),
            Arc::clone(&tracing),
        );
        let hub = Arc::new(Hub::default());
        let notices = Notices {
            hub: Arc::clone(&hub),
            server: Arc::clone(&server),
            on_notification: options.on_notification.clone(),
            on_log: options.handlers.log.clone(),
            cache: SessionCache::open(options.cache.as_ref(), &server, &connection.info, &verdict),
            extensions: options.extensions.clone(),
        };
        let incoming = inbound::watch(connection.inbound, answering, notices.clone());
        #[cfg(feature = "validation")]
        let outputs = Outputs::new(options.output_checks.clone());
        #[cfg(not(feature = "validation"))]
        let outputs = Outputs::default();
        let inner = Inner {
            transport: connection.transport,
            connection: connection.info,
            server,
            verdict,
            meta,
            next_id: AtomicI64::new(1),
            timers: Timers::default(),
            options,
            notices,
            hub,
            param_table: ParamTable::default(),
            outputs,
            log_level: LogLevel::default(),
            incoming,
            tracing,
        };
        let timeout = inner.options.timeout;
        Ok(Self { inner: Arc::new(inner), timeout })
    }

    /// The same session, with another limit on those calls through this handle that set none of their
    /// own.
    #[must_use]
    pub fn with_timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// The limit on those calls through this handle that set none of their own.
    pub fn default_timeout(&self) -> Timeout {
        self.timeout
    }

    /// What errors call the server.
    pub fn name(&self) -> &str {
        &self.inner.server
    }

    /// The revision that is spoken.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.inner.verdict.protocol_version
    }

    /// The era of the revision that is spoken.
    pub fn era(&self) -> Era {
        self.inner.verdict.era()
    }

    /// Who the server says it is; not to be trusted for decisions.
    pub fn server_info(&self) -> Option<&Implementation> {
        self.inner.verdict.server_info.as_ref()
    }

    /// What the server offers.
    pub fn capabilities(&self) -> &ServerCapabilities {
        &self.inner.verdict.capabilities
    }

    /// What the server tells models about its use.
    pub fn instructions(&self) -> Option<&str> {
        self.inner.verdict.instructions.as_deref()
    }

    /// All that was found out about the server, to be given back as
    /// [`prior_discover`](SessionOptions::prior_discover) another time.
    pub fn verdict(&self) -> &Verdict {
        &self.inner.verdict
    }

    /// What the connection is that this session was opened on.
    pub fn connection(&self) -> &ConnectionInfo {
        &self.inner.connection
    }

    /// The process that serves this session, where it is one of ours.
    pub fn pid(&self) -> Option<u32> {
        self.inner.connection.pid
    }

    /// Whether the connection is known to be over: closed, or the process has ended.
    pub fn is_closed(&self) -> bool {
        self.inner.incoming.is_over()
    }

    /// Waits until [`is_closed`](Session::is_closed). Where a connection is made for each request, as with
    /// HTTP, only [`close`](Session::close) ends it. Cancel safe.
    pub async fn closed(&self) {
        self.inner.incoming.over().await;
    }

    /// Lists the tools.
    pub fn list_tools(&self) -> List<ListToolsResult> {
        List::new(self.clone(), method::TOOLS_LIST)
    }

    /// Lists the resources.
    pub fn list_resources(&self) -> List<ListResourcesResult> {
        List::new(self.clone(), method::RESOURCES_LIST)
    }

    /// Lists the templates of resources.
    pub fn list_resource_templates(&self) -> List<ListResourceTemplatesResult> {
        List::new(self.clone(), method::RESOURCES_TEMPLATES_LIST)
    }

    /// Lists the prompts.
    pub fn list_prompts(&self) -> List<ListPromptsResult> {
        List::new(self.clone(), method::PROMPTS_LIST)
    }

    /// Calls a tool. A failure that the tool itself reports is a value:
    /// `CallToolResult::into_result` makes an error of it.
    ///
    /// Spec: server/tools#calling-tools
    pub fn call_tool(&self, name: &str) -> Call<CallToolResult> {
        Call::new(self.clone(), method::TOOLS_CALL, Params::named("name", name))
    }

    /// Reads a resource.
    ///
    /// Spec: server/resources#reading-resources
    pub fn read_resource(&self, uri: &str) -> Call<ReadResourceResult> {
        Call::new(self.clone(), method::RESOURCES_READ, Params::named("uri", uri))
    }

    /// Gets a prompt, filled in with arguments.
    ///
    /// Spec: server/prompts#getting-a-prompt
    pub fn get_prompt(&self, name: &str) -> Call<GetPromptResult> {
        Call::new(self.clone(), method::PROMPTS_GET, Params::named("name", name))
    }

    /// Asks for completions of an argument.
    ///
    /// Spec: server/utilities/completion
    pub fn complete(&self, params: &CompleteRequestParams) -> Call<CompleteResult> {
        Call::new(self.clone(), method::COMPLETION_COMPLETE, Params::new(params))
    }

    /// Asks the server for a sign of life. The modern era has no such method: the call fails unsent
    /// there, with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
    ///
    /// Spec: 2025-11-25 basic/utilities/ping
    pub fn ping(&self) -> Call<EmptyResult> {
        Call::new(self.clone(), method::PING, Ok(Params::empty()))
    }

    /// Sends any request, with parameters that are an object as JSON (or `()`), and gives the result as
    /// it came.
    pub fn request(
        &self,
        method: impl Into<Cow<'static, str>>,
        params: &impl Serialize,
    ) -> Call<RawJson> {
        Call::new(self.clone(), method, Params::new(params))
    }

    /// Sends a notification.
    ///
    /// Waits no longer than the session's limit on calls. Dropping the future may leave it unsent.
    ///
    /// # Errors
    /// When it could not be handed to the server.
    pub async fn notify(
        &self,
        method: impl Into<Cow<'static, str>>,
        params: &impl Serialize,
    ) -> Result<(), Error> {
        let method = method.into();
        let mut traced = self.tracing().asking(&method, Some(self.protocol_version()), || None);
        let span = traced.span();
        let notified = async {
            let params = Params::new(params).map_err(|error| self.unsendable(error))?;
            let trace = self.tracing().context(|| params.meta_by_hand(None));
            let params = params.encode(&CommonMeta::default(), None, None, trace.as_deref());
            let mut notification = Notification::new(method.clone());
            notification.params = params.map_err(|error| self.unsendable(error))?;
            self.send(notification.into(), trace).await
        };
        let notified = notified.instrument(span).await.map_err(|error| error.with_method(method));
        traced.ended(&notified);
        notified
    }

    /// Tells the server that the roots have changed. In the modern era it is asked for them with each call
    /// that needs them, and nothing is to be told.
    ///
    /// Spec: 2025-11-25 client/roots#root-list-changes
    ///
    /// # Errors
    /// When it could not be handed to the server.
    pub async fn roots_changed(&self) -> Result<(), Error> {
        match self.era() {
            Era::Legacy => self.notify(method::NOTIFICATIONS_ROOTS_LIST_CHANGED, &()).await,
            Era::Modern => Ok(()),
        }
    }

    /// Ends the session and all that it owns, for every handle: connections, processes, the session at
    /// the server. Bounded by the transport's own limits. Calling it twice does no harm; dropping the
    /// future leaves the rest to the background.
    ///
    /// # Errors
    /// When the end was not an orderly one. The session is over all the same.
    pub async fn close(&self) -> Result<(), Error> {
        self.inner.incoming.end();
        let closed = self.inner.transport.close().await;
        closed.map_err(|error| Error::from_transport(Arc::clone(&self.inner.server), error))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.inner.server)
            .field("protocol_version", &self.inner.verdict.protocol_version)
            .finish_non_exhaustive()
    }
}

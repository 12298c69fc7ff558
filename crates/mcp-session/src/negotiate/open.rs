//! Executes the decisions of the table.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use mcp_core::{Era, Notification, ProtocolVersion, method};
use mcp_transport::{
    Binding, Connect, Connection, Envelope, IdleLimit, Inbound, InboundItem, SharedConnect,
    SharedTransport, Transport,
};
use tokio::time::timeout;
use tracing::Instrument;

use super::{
    early::Early,
    failures::{Failures, named, refused_version},
    offer::Offer,
    requests::{Failure, Requesting, Requests},
    stage::Stage,
    table::{Decision, Outcome, Patience, Prior, Progress, Step, Table},
};
use crate::{
    EraPolicy, Error, ErrorKind, SessionOptions, Timeout, Verdict,
    deadline::{Reached, Timers},
    diagnostics::explained,
    params::{CommonMeta, Params},
    server_requests::ServerRequests,
    trace::Tracing,
};

/// Timeout of the probe for a server that used a modern revision before.
const PRIOR_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout of one opening request after the other one was answered.
const OTHER_TIMEOUT: Duration = Duration::from_millis(250);

/// Timeout of sending `notifications/initialized`, which has no response.
const INITIALIZED_TIMEOUT: Duration = Duration::from_secs(1);

/// Timeout of closing an abandoned connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A revision that was never released but is used by some servers, equal to the one after it.
const BEFORE_THE_FIRST: &str = "2024-10-07";

/// A connection with a negotiated revision.
pub(crate) struct Opened {
    pub(crate) connection: Connection<SharedTransport>,
    pub(crate) verdict: Verdict,
    /// Whether the verdict is from an earlier session and the server was not probed.
    pub(crate) is_unconfirmed: bool,
    pub(crate) meta: CommonMeta,
    pub(crate) tracing: Arc<Tracing>,
    pub(crate) server_requests: Arc<ServerRequests>,
    /// Notifications received during opening.
    pub(crate) early: Vec<InboundItem>,
    /// `notifications/initialized`, if the server has not accepted it yet.
    pub(crate) sending: Option<Sending>,
}

/// A notification being sent.
pub(crate) type Sending = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Connects and negotiates a revision, within `start_timeout`. Time in which connecting waits for a user does not
/// count.
pub(crate) async fn open(
    connect: &SharedConnect,
    server: &Arc<str>,
    options: &SessionOptions,
) -> Result<Opened, Error> {
    let stage = Stage::default();
    let opening = async {
        let parts = connected(connect, server, options, &stage).await?;
        let prior = options.prior_discover.as_ref();
        let prior = prior.map(|it| Prior {
            version: it.protocol_version,
            assumed: it.assumed,
            found: it.binding.is_some(),
        });
        let opening = Opening {
            connect,
            server,
            options,
            stage: &stage,
            parts,
            progress: Progress::new(prior),
            probe: None,
            initialize: None,
            discovered: options.prior_discover.clone(),
            initialized: None,
            failures: Failures::default(),
        };
        opening.run().await
    };
    let timers = Arc::new(Timers::default());
    let mut deadline = timers.deadline(Timeout::idle(options.start_timeout));
    let opened = deadline.limit(pin!(opening), || stage.held_until(connect)).await;
    opened.unwrap_or_else(|Reached(limit)| Err(stage.late(server, limit)))
}

struct Opening<'a> {
    connect: &'a SharedConnect,
    server: &'a Arc<str>,
    options: &'a SessionOptions,
    stage: &'a Stage,
    // Declared before the connection, so that they are dropped first.
    probe: Option<Requesting>,
    initialize: Option<Requesting>,
    parts: Parts,
    progress: Progress<ProtocolVersion>,
    discovered: Option<Verdict>,
    initialized: Option<Offer>,
    failures: Failures,
}

/// State of one connection.
struct Parts {
    connection: Connection<SharedTransport>,
    tracing: Arc<Tracing>,
    server_requests: Arc<ServerRequests>,
    early: Arc<Early>,
}

/// A completed opening request.
enum Ended {
    Probe(Result<Offer, Failure>),
    Initialize(Result<Offer, Failure>),
}

impl Opening<'_> {
    async fn run(mut self) -> Result<Opened, Error> {
        loop {
            match self.table().decide(&self.progress) {
                Decision::Modern(version) => return self.modern(version),
                Decision::Legacy => return self.legacy().await,
                Decision::Probe(version) => self.send_probe(version),
                Decision::Initialize(version) => self.send_initialize(version),
                Decision::ReconnectProbe(version) => {
                    let known = self.initialized.is_some().then_some(version);
                    if self.reconnect(known).await? {
                        self.send_probe(version);
                    }
                }
                Decision::ReconnectInitialize(version) => {
                    if self.reconnect(None).await? {
                        self.send_initialize(version);
                    }
                }
                Decision::Wait(patience) => self.wait(patience).await,
                Decision::NoCommonVersion => return Err(self.no_common_version()),
                Decision::Fail => {
                    let failures = std::mem::take(&mut self.failures);
                    let error = failures.into_error(&self.progress);
                    return Err(error.unwrap_or_else(|| self.no_common_version()));
                }
            }
        }
    }

    fn table(&self) -> Table<'static, ProtocolVersion> {
        let (policy, binding) = (self.options.era.into(), self.binding());
        Table { policy, binding, ours: &ProtocolVersion::ALL }
    }

    fn binding(&self) -> Binding {
        self.parts.connection.info.binding
    }

    fn requests(&self) -> Requests<'_> {
        let Parts { connection, tracing, early, .. } = &self.parts;
        let Self { server, options, .. } = self;
        Requests { server, options, transport: &connection.transport, tracing, early }
    }

    fn send_probe(&mut self, version: ProtocolVersion) {
        self.stage.sending(method::SERVER_DISCOVER.into());
        self.progress.probe_sent();
        self.probe = Some(self.requests().probe(version, self.progress.probes));
    }

    fn send_initialize(&mut self, version: ProtocolVersion) {
        self.stage.sending(method::INITIALIZE.into());
        self.initialize = Some(self.requests().initialize(version));
        self.progress.initialize_sent(version);
    }

    /// Waits until a request completes, or the timeout elapses.
    async fn wait(&mut self, patience: Patience) {
        let limit = match patience {
            Patience::Start => None,
            // Leaves time for `initialize`.
            Patience::Probe | Patience::Last => {
                Some(self.options.probe_timeout.min(self.options.start_timeout / 2))
            }
            Patience::Prior => Some(PRIOR_TIMEOUT.max(self.options.probe_timeout)),
            Patience::Other => Some(OTHER_TIMEOUT),
        };
        let (stage, connect) = (self.stage, self.connect);
        let timers = Arc::new(Timers::default());
        let mut deadline = timers.deadline(Timeout::NONE.with_idle(limit));
        let event = deadline.limit_poll(|cx| self.poll(cx), || stage.held_until(connect)).await;
        match event {
            Ok(Ended::Probe(ended)) => self.probe_ended(ended),
            Ok(Ended::Initialize(ended)) => self.initialize_ended(ended),
            Err(Reached(limit)) => self.is_over(patience, limit),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let Parts { connection, early, .. } = &mut self.parts;
        if !connection.inbound.is_none() && early.poll(&mut connection.inbound, cx) {
            // The end of the connection ends the requests too.
            connection.inbound = Inbound::none();
        }
        if let Some(probe) = &mut self.probe
            && let Poll::Ready(ended) = probe.as_mut().poll(cx)
        {
            self.probe = None;
            return Poll::Ready(Ended::Probe(ended));
        }
        if let Some(initialize) = &mut self.initialize
            && let Poll::Ready(ended) = initialize.as_mut().poll(cx)
        {
            self.initialize = None;
            return Poll::Ready(Ended::Initialize(ended));
        }
        Poll::Pending
    }

    fn probe_ended(&mut self, ended: Result<Offer, Failure>) {
        let outcome = match ended {
            Ok(offer) => {
                let versions = offer.versions.clone();
                // The table determines the revision.
                let verdict = Verdict::new(ProtocolVersion::LATEST_MODERN);
                self.discovered = Some(offer.into_verdict(verdict));
                Outcome::Discovered(versions)
            }
            Err(Failure { outcome, error }) => {
                self.stage.probe_failed(&error);
                self.failures.probe_failed(error);
                outcome
            }
        };
        self.failures.named(named(&outcome));
        self.progress.probe = Step::Ended(outcome);
    }

    fn initialize_ended(&mut self, ended: Result<Offer, Failure>) {
        let outcome = match ended {
            Ok(offer) => {
                self.initialized = Some(offer);
                Outcome::Initialized
            }
            Err(Failure { outcome, error }) => {
                self.failures.initialize_failed(error);
                outcome
            }
        };
        self.failures.named(named(&outcome));
        self.progress.initialize = Step::Ended(outcome);
    }

    fn is_over(&mut self, patience: Patience, limit: Duration) {
        if matches!(patience, Patience::Other | Patience::Last) {
            self.progress.is_late = true;
            return;
        }
        self.progress.is_silent = true;
        let text = format!("no answer within {limit:?}");
        let error = Error::new(ErrorKind::Timeout, Arc::clone(self.server), text);
        let error = explained(error, &self.parts.connection.transport);
        let error = error.with_method(method::SERVER_DISCOVER);
        self.stage.probe_failed(&error);
        self.failures.probe_failed(error);
    }

    /// Opens a second connection. Returns false if it cannot: for example, a pair of streams can be opened only once.
    async fn reconnect(&mut self, known: Option<ProtocolVersion>) -> Result<bool, Error> {
        (self.probe, self.initialize) = (None, None);
        if self.binding() == Binding::Pipe && known.is_none() {
            // Two processes could conflict over a port or file.
            let closing = self.parts.connection.transport.close();
            let _ = timeout(CLOSE_TIMEOUT, closing).await;
        }
        match connected(self.connect, self.server, self.options, self.stage).await {
            Ok(parts) => {
                self.parts = parts;
                self.initialized = None;
                self.progress.reconnected(known);
                Ok(true)
            }
            // The server accepted `initialize`.
            Err(_) if known.is_some() => {
                self.progress.reconnected = true;
                Ok(false)
            }
            Err(error) => {
                let failures = std::mem::take(&mut self.failures);
                Err(failures.into_error(&self.progress).unwrap_or(error))
            }
        }
    }

    fn modern(mut self, version: ProtocolVersion) -> Result<Opened, Error> {
        let mut verdict = self.discovered.take().unwrap_or_else(|| Verdict::new(version));
        verdict.protocol_version = version;
        verdict.assumed = false;
        let meta = self.requests().meta(version)?;
        Ok(self.opened(verdict, meta, None))
    }

    async fn legacy(mut self) -> Result<Opened, Error> {
        let offer = self.initialized.take();
        let accepted = match offer.as_ref().and_then(|offer| offer.versions.first()) {
            Some(version) => self.accept(version).await,
            None => Err(self.no_common_version()),
        };
        let (version, sending) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // The server has a session that will not be used.
                let closing = self.parts.connection.transport.close();
                let _ = timeout(CLOSE_TIMEOUT, closing).await;
                return Err(error);
            }
        };
        let mut verdict = Verdict::new(version);
        verdict.assumed = self.table().is_assumed(&self.progress);
        if let Some(offer) = offer {
            verdict = offer.into_verdict(verdict);
        }
        if self.progress.is_silent {
            tracing::info!(
                server = %self.server,
                "the server does not respond to server/discover, which delays each start: a kept verdict, or \
                 EraPolicy::Legacy, avoids that"
            );
        }
        Ok(self.opened(verdict, CommonMeta::default(), sending))
    }

    /// Accepts the version of an `initialize` result, and notifies the server.
    async fn accept(
        &mut self,
        answered: &str,
    ) -> Result<(ProtocolVersion, Option<Sending>), Error> {
        let version = match answered {
            BEFORE_THE_FIRST => Ok(ProtocolVersion::V2024_11_05),
            _ => answered.parse::<ProtocolVersion>(),
        };
        let version = version
            .ok()
            .filter(|version| version.era() == Era::Legacy)
            .filter(|version| match self.options.era {
                EraPolicy::Pinned(pinned) => *version == pinned,
                EraPolicy::Auto | EraPolicy::Legacy => true,
            })
            .ok_or_else(|| refused_version(self.server, self.options.era, answered))?;
        let method = method::NOTIFICATIONS_INITIALIZED;
        self.stage.sending(method.into());
        let Parts { tracing, connection, .. } = &self.parts;
        let mut span = tracing.client_span(method, Some(version), || None);
        let trace = span.span().in_scope(|| tracing.context(|| None));
        let params = Params::empty().encode(&CommonMeta::default(), None, None, trace.as_deref());
        let mut notification = Notification::new(method);
        notification.params = params.map_err(|error| self.requests().unsendable(error))?;
        let envelope = Envelope::new(notification.into())
            .with_version(version)
            .with_idle_limit(IdleLimit::Caller)
            .with_trace(trace);
        let (transport, server) = (connection.transport.clone(), Arc::clone(self.server));
        let mut sending: Sending = Box::pin(async move {
            let sent = transport.send(envelope).instrument(span.span()).await;
            let sent = sent.map_err(|error| Error::from_transport(server, error));
            let sent = sent.map_err(|error| error.with_method(method));
            span.ended(&sent);
            sent
        });
        match timeout(INITIALIZED_TIMEOUT, &mut sending).await {
            Ok(sent) => sent.map(|()| (version, None)),
            Err(_) => Ok((version, Some(sending))),
        }
    }

    fn opened(self, mut verdict: Verdict, meta: CommonMeta, sending: Option<Sending>) -> Opened {
        let Self { parts, probe, initialize, progress, .. } = self;
        let is_unconfirmed = progress.probes == 0 && verdict.era() == Era::Modern;
        drop((probe, initialize));
        let Parts { connection, tracing, server_requests, early } = parts;
        verdict.binding = Some(connection.info.binding);
        server_requests.opened(verdict.protocol_version);
        let early = early.opened();
        Opened {
            connection,
            verdict,
            is_unconfirmed,
            meta,
            tracing,
            server_requests,
            early,
            sending,
        }
    }

    fn no_common_version(&mut self) -> Error {
        let failures = std::mem::take(&mut self.failures);
        failures.no_common_version(self.server, self.options.era, &self.progress)
    }
}

async fn connected(
    connect: &SharedConnect,
    server: &Arc<str>,
    options: &SessionOptions,
    stage: &Stage,
) -> Result<Parts, Error> {
    let connection = connect.connect().await;
    let connection =
        connection.map_err(|error| Error::from_transport(Arc::clone(server), error))?;
    let provider = options.trace_context.clone();
    let tracing = Arc::new(Tracing::new(options.spans, provider, &connection.info));
    let server_requests = Arc::new(ServerRequests::new(
        connection.transport.clone(),
        Arc::clone(server),
        options.handlers.clone(),
        &options.capabilities,
        Arc::clone(&tracing),
    ));
    stage.connected(&connection.transport, &server_requests);
    let early = Arc::new(Early::new(Arc::clone(&server_requests)));
    Ok(Parts { connection, tracing, server_requests, early })
}

//! Carries out what the decision table says.

use std::{
    borrow::Cow,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use mcp_core::{
    DiscoverResult, Era, ErrorObject, InitializeRequestParams, InitializeResult, Meta,
    MethodResult as _, Notification, ProtocolVersion, RawJson, Request, Response, method,
};
use mcp_transport::{
    Binding, Connect, Connection, Delivery, Envelope, ErrorKind as TransportErrorKind, IdleLimit,
    SharedConnect, SharedTransport, Transport,
};
use serde::Deserialize;
use tokio::time::Instant;
use tracing::Instrument;

use super::table::{Decision, Outcome, Table};
use crate::{
    EraPolicy, Error, ErrorKind, SessionOptions, Timeout, Verdict,
    deadline::{Reached, Timers},
    extension::{SettingsContext, declared},
    params::{CommonMeta, Params},
    trace::{MessageSpan, Tracing},
};

/// A connection on which a revision has been agreed.
pub(crate) struct Opened {
    pub(crate) connection: Connection<SharedTransport>,
    pub(crate) verdict: Verdict,
    pub(crate) meta: CommonMeta,
    pub(crate) tracing: Tracing,
}

/// Connects and agrees on a revision, in at most `start_timeout`. Time in which connecting waits for a
/// person does not count.
pub(crate) async fn open(
    connect: &SharedConnect,
    server: &Arc<str>,
    options: &SessionOptions,
) -> Result<Opened, Error> {
    let last_method = Mutex::new(None);
    let opening = async {
        let connection = connected(connect, server).await?;
        let provider = options.trace_context.clone();
        let tracing = Tracing::new(options.spans, provider, &connection.info);
        let last_method = &last_method;
        let opening =
            Opening { connect, server, options, connection, tracing, last_method, probes: 0 };
        opening.run().await
    };
    let timers = Timers::default();
    let mut deadline = timers.deadline(Timeout::idle(options.start_timeout));
    let opened = deadline.limit(pin!(opening), || held_until(connect)).await;
    opened.unwrap_or_else(|Reached(limit)| {
        let message = format!("the server did not start within {limit:?}");
        let error = Error::new(ErrorKind::Timeout, Arc::clone(server), message);
        match last_method.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(method) => Err(error.with_method(method)),
            None => Err(error),
        }
    })
}

struct Opening<'a> {
    connect: &'a SharedConnect,
    server: &'a Arc<str>,
    options: &'a SessionOptions,
    connection: Connection<SharedTransport>,
    tracing: Tracing,
    /// The method of the last request, for the error when nothing answers it in time.
    last_method: &'a Mutex<Option<Cow<'static, str>>>,
    probes: u32,
}

/// An opening request that brought no result: for the table, and for the user.
struct Failure {
    outcome: Outcome,
    error: Error,
}

impl Opening<'_> {
    async fn run(mut self) -> Result<Opened, Error> {
        let prior = self.options.prior_discover.clone();
        let mut decision = self.table().first(prior.as_ref().map(|it| it.protocol_version));
        // The last failure, for the error at the end.
        let mut failure: Option<Error> = None;
        let mut theirs = Vec::new();
        let mut discovered = prior;
        loop {
            decision = match decision {
                Decision::Modern(version) => {
                    let mut verdict = discovered.unwrap_or_else(|| Verdict::new(version));
                    verdict.protocol_version = version;
                    verdict.binding = Some(self.binding());
                    let meta = self.meta(version)?;
                    return Ok(self.opened(verdict, meta));
                }
                Decision::Probe(version) => {
                    self.probes += 1;
                    let outcome = match self.probe(version).await {
                        Ok(result) => {
                            let versions = result.supported_versions.clone();
                            theirs.clone_from(&versions);
                            discovered = Some(verdict_of(version, result));
                            Outcome::Discovered(versions)
                        }
                        Err(Failure { outcome, error }) => {
                            failure = Some(error);
                            outcome
                        }
                    };
                    self.table().after_probe(self.probes > 1, &outcome)
                }
                Decision::Reconnect => {
                    // The probe has ended the server: another one is not probed again.
                    self.connection = match connected(self.connect, self.server).await {
                        Ok(connection) => connection,
                        // A pair of streams, say, cannot be opened twice: its end is the failure.
                        Err(error) => return Err(failure.unwrap_or(error)),
                    };
                    Decision::Initialize
                }
                Decision::Initialize => match self.initialize().await {
                    Ok(result) => {
                        let verdict = self.accept(result).await?;
                        return Ok(self.opened(verdict, CommonMeta::default()));
                    }
                    Err(Failure { outcome, error }) => {
                        failure = Some(error);
                        self.table().after_initialize(self.probes > 1, &outcome)
                    }
                },
                Decision::NoCommonVersion => return Err(self.no_common_version(&theirs, failure)),
                Decision::Fail => {
                    return Err(failure.unwrap_or_else(|| self.no_common_version(&theirs, None)));
                }
            }
        }
    }

    fn table(&self) -> Table<'static, ProtocolVersion> {
        let (policy, binding) = (self.options.era.into(), self.binding());
        Table { policy, binding, ours: &ProtocolVersion::ALL }
    }

    fn binding(&self) -> Binding {
        self.connection.info.binding
    }

    fn opened(self, verdict: Verdict, meta: CommonMeta) -> Opened {
        let Self { connection, tracing, .. } = self;
        Opened { connection, verdict, meta, tracing }
    }

    fn error(&self, kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(kind, Arc::clone(self.server), message)
    }

    fn context(&self, version: ProtocolVersion) -> SettingsContext<'_> {
        SettingsContext::new(self.server, version)
    }

    fn meta(&self, version: ProtocolVersion) -> Result<CommonMeta, Error> {
        let mut capabilities = declared(self.options, &self.context(version));
        // This era has no notification about them.
        if let Some(roots) = &mut capabilities.roots {
            roots.list_changed = None;
        }
        CommonMeta::modern(version, &capabilities, &self.options.client_info)
            .map_err(|error| self.unsendable(error))
    }

    fn unsendable(&self, error: serde_json::Error) -> Error {
        let message = "the client's capabilities or name cannot be written as JSON";
        self.error(ErrorKind::Arguments, message)
            .with_delivery(Delivery::NotSent)
            .with_source(error)
    }

    fn unsent(&self, error: serde_json::Error) -> Failure {
        let outcome = Outcome::Failure(TransportErrorKind::InvalidRequest);
        Failure { outcome, error: self.unsendable(error) }
    }

    async fn probe(&self, version: ProtocolVersion) -> Result<DiscoverResult, Failure> {
        // A string, so that a late answer is never that of another request.
        let id = format!("discover-{}", self.probes);
        let mut span = self.tracing.client_span(method::SERVER_DISCOVER, Some(version), || None);
        span.set_id(&id);
        let discovered = self.discover(version, id).instrument(span.span()).await;
        end(&mut span, &discovered);
        discovered
    }

    async fn discover(
        &self,
        version: ProtocolVersion,
        id: String,
    ) -> Result<DiscoverResult, Failure> {
        let trace = self.tracing.context(|| None);
        let meta = self.meta(version).map_err(|error| Failure {
            outcome: Outcome::Failure(TransportErrorKind::InvalidRequest),
            error,
        })?;
        let params = Params::empty().encode(&meta, None, None, trace.as_deref());
        let mut request = Request::new(id, method::SERVER_DISCOVER);
        request.params = params.map_err(|error| self.unsent(error))?;
        let request = Envelope::new(request).with_version(version).with_trace(trace);
        // With nothing to fall back to, a slow start is no evidence of another era.
        let limit = match (self.options.era, self.binding()) {
            (EraPolicy::Auto, Binding::Pipe) => self.options.probe_timeout,
            _ => self.options.start_timeout,
        };
        let timers = Timers::default();
        let mut deadline = timers.deadline(Timeout::idle(limit));
        let answer = deadline.limit(pin!(self.ask(request)), || held_until(self.connect)).await;
        let answer = answer.unwrap_or_else(|Reached(limit)| {
            let error = self.error(ErrorKind::Timeout, format!("no answer within {limit:?}"));
            let error = error.with_method(method::SERVER_DISCOVER);
            Err(Failure { outcome: Outcome::Silence, error })
        });
        DiscoverResult::decode(&answer?)
            .map_err(|error| self.other_shape(method::SERVER_DISCOVER, error))
    }

    async fn initialize(&self) -> Result<InitializeResult, Failure> {
        let version = match self.options.era {
            EraPolicy::Pinned(version) => version,
            EraPolicy::Auto | EraPolicy::Legacy => ProtocolVersion::LATEST_LEGACY,
        };
        let mut span = self.tracing.client_span(method::INITIALIZE, Some(version), || None);
        span.set_id(0);
        let begun = self.begin(version).instrument(span.span()).await;
        end(&mut span, &begun);
        begun
    }

    async fn begin(&self, version: ProtocolVersion) -> Result<InitializeResult, Failure> {
        let trace = self.tracing.context(|| None);
        let mut params = InitializeRequestParams::new(
            version.as_str(),
            declared(self.options, &self.context(version)),
            self.options.client_info.clone(),
        );
        params.meta = trace.as_ref().map(|trace| {
            let meta = Meta::new();
            trace.entries().fold(meta, |meta, (key, value)| meta.with(key, value))
        });
        let params = RawJson::from_serialize(&params).map_err(|error| self.unsent(error))?;
        let request = Request::new(0, method::INITIALIZE).with_params(params);
        let answer = self.ask(Envelope::new(request).with_trace(trace)).await?;
        InitializeResult::decode(&answer)
            .map_err(|error| self.other_shape(method::INITIALIZE, error))
    }

    /// Accepts the version of an `initialize` result, and notifies the server of it.
    async fn accept(&self, result: InitializeResult) -> Result<Verdict, Error> {
        let answered = result.protocol_version.parse::<ProtocolVersion>().ok();
        let version = answered
            .filter(|version| version.era() == Era::Legacy)
            .filter(|version| match self.options.era {
                EraPolicy::Pinned(pinned) => *version == pinned,
                EraPolicy::Auto | EraPolicy::Legacy => true,
            })
            .ok_or_else(|| {
                let message = format!(
                    "the server wants to speak {:?}, which this client does not",
                    result.protocol_version
                );
                self.error(ErrorKind::Version, message)
                    .with_delivery(Delivery::Answered)
                    .with_method(method::INITIALIZE)
            })?;
        let initialized = method::NOTIFICATIONS_INITIALIZED;
        let mut span = self.tracing.client_span(initialized, Some(version), || None);
        let sending = async {
            let trace = self.tracing.context(|| None);
            let params =
                Params::empty().encode(&CommonMeta::default(), None, None, trace.as_deref());
            let mut notification = Notification::new(initialized);
            notification.params = params.map_err(|error| self.unsendable(error))?;
            let envelope = Envelope::new(notification.into())
                .with_version(version)
                .with_idle_limit(IdleLimit::Caller)
                .with_trace(trace);
            let sent = self.connection.transport.send(envelope).await;
            sent.map_err(|error| Error::from_transport(Arc::clone(self.server), error))
        };
        let sent = sending.instrument(span.span()).await;
        let sent = sent.map_err(|error| error.with_method(initialized));
        span.ended(&sent);
        sent?;
        Ok(Verdict {
            protocol_version: version,
            binding: Some(self.binding()),
            server_info: Some(result.server_info),
            capabilities: result.capabilities,
            instructions: result.instructions,
        })
    }

    async fn ask(&self, request: Envelope<Request>) -> Result<RawJson, Failure> {
        let method = request.message.method.clone();
        *self.last_method.lock().unwrap_or_else(PoisonError::into_inner) = Some(method.clone());
        let request = request.with_idle_limit(IdleLimit::Caller);
        let answered = match self.connection.transport.request(request).await {
            Ok(exchange) => exchange.response().await,
            Err(error) => Err(error),
        };
        let server = Arc::clone(self.server);
        let (outcome, error) = match answered {
            Ok(Response { outcome: Ok(result), .. }) => return Ok(result),
            Ok(Response { outcome: Err(error), .. }) => {
                let outcome = Outcome::Answer { code: error.code, supported: supported(&error) };
                (outcome, Error::from_answer(server, error))
            }
            Err(error) => (Outcome::Failure(error.kind()), Error::from_transport(server, error)),
        };
        Err(Failure { outcome, error: error.with_method(method) })
    }

    fn other_shape(&self, method: &'static str, error: serde_json::Error) -> Failure {
        let error = Error::decode(Arc::clone(self.server), error).with_method(method);
        Failure { outcome: Outcome::OtherResult, error }
    }

    fn no_common_version(&self, theirs: &[String], failure: Option<Error>) -> Error {
        let ours = match self.options.era {
            EraPolicy::Pinned(version) => version.as_str().to_owned(),
            _ => ProtocolVersion::ALL.map(ProtocolVersion::as_str).join(", "),
        };
        let mut message =
            format!("no revision of the protocol in common: this client speaks {ours}");
        if !theirs.is_empty() {
            message = format!("{message}, the server {}", theirs.join(", "));
        }
        let error = self.error(ErrorKind::Version, message).with_delivery(Delivery::Answered);
        match failure {
            Some(failure) => error.with_source(failure),
            None => error,
        }
    }
}

async fn connected(
    connect: &SharedConnect,
    server: &Arc<str>,
) -> Result<Connection<SharedTransport>, Error> {
    connect.connect().await.map_err(|error| Error::from_transport(Arc::clone(server), error))
}

/// When connecting last waited for a person.
fn held_until(connect: &SharedConnect) -> Option<Instant> {
    connect.hold()?.held_until()
}

fn end<R>(span: &mut MessageSpan, outcome: &Result<R, Failure>) {
    match outcome {
        Ok(_) => span.done(&()),
        Err(failure) => span.failed(&failure.error),
    }
}

/// The versions that an error names in `data.supported`, if that is a list of strings.
fn supported(error: &ErrorObject) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Data {
        supported: Vec<String>,
    }
    let data: Data = error.data.as_ref()?.decode().ok()?;
    (!data.supported.is_empty()).then_some(data.supported)
}

fn verdict_of(version: ProtocolVersion, result: DiscoverResult) -> Verdict {
    Verdict {
        protocol_version: version,
        binding: None,
        server_info: result.server_info(),
        capabilities: result.capabilities,
        instructions: result.instructions,
    }
}

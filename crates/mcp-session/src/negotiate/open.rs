//! Carries out what the decision table says.

use std::{
    borrow::Cow,
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
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
use tracing::Instrument;

use super::{
    Mode, Verdict,
    table::{Decision, Outcome, after_initialize, after_probe, first},
};
use crate::{
    Error, ErrorKind, SessionOptions,
    extension::declared,
    params::{CommonMeta, Params},
    timer::{Timeout, Timers},
    trace::{Traced, Tracing},
};

/// A connection on which a revision has been agreed.
pub(crate) struct Opened {
    pub(crate) connection: Connection<SharedTransport>,
    pub(crate) verdict: Verdict,
    pub(crate) meta: CommonMeta,
    pub(crate) tracing: Tracing,
}

/// Connects and agrees on a revision, in at most `start_timeout`.
pub(crate) async fn open(
    connect: &SharedConnect,
    server: &Arc<str>,
    options: &SessionOptions,
) -> Result<Opened, Error> {
    let asked = Mutex::new(None);
    let mut opening = std::pin::pin!(async {
        let connection = connected(connect, server).await?;
        let tracing = Tracing::new(options, &connection.info);
        let asked = &asked;
        Opening { connect, server, options, connection, tracing, asked, probes: 0 }.run().await
    });
    let mut deadline = Timers::default().deadline(Timeout::total(options.start_timeout));
    poll_fn(|cx| {
        if let Poll::Ready(opened) = opening.as_mut().poll(cx) {
            return Poll::Ready(opened);
        }
        deadline.poll(cx).map(|limit| {
            let message = format!("the server did not start within {limit:?}");
            let error = Error::new(ErrorKind::Timeout, Arc::clone(server), message);
            match asked.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(method) => Err(error.with_method(method)),
                None => Err(error),
            }
        })
    })
    .await
}

struct Opening<'a> {
    connect: &'a SharedConnect,
    server: &'a Arc<str>,
    options: &'a SessionOptions,
    connection: Connection<SharedTransport>,
    tracing: Tracing,
    /// The method that was asked last, for the error when nothing answers it in time.
    asked: &'a Mutex<Option<Cow<'static, str>>>,
    probes: u32,
}

/// An opening request that brought no result: what that tells, and how to tell it to the user.
struct Failure {
    outcome: Outcome,
    error: Error,
}

impl Opening<'_> {
    async fn run(mut self) -> Result<Opened, Error> {
        let mut decision = self.first();
        // The last thing heard of the server, for whoever has to be told that it failed.
        let mut failure: Option<Error> = None;
        let mut theirs = Vec::new();
        let mut discovered = self.options.prior_discover.clone();
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
                    after_probe(self.options.mode, self.binding(), self.probes > 1, &outcome)
                }
                Decision::Reconnect => {
                    // The probe has ended the server: a fresh one is not asked again.
                    self.connection = match connected(self.connect, self.server).await {
                        Ok(connection) => connection,
                        // What cannot be had again, such as a pair of streams: the end is what counts.
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
                        after_initialize(self.options.mode, self.probes > 1, &outcome)
                    }
                },
                Decision::NoCommonVersion => return Err(self.no_common_version(&theirs, failure)),
                Decision::Fail => {
                    return Err(failure.unwrap_or_else(|| self.no_common_version(&theirs, None)));
                }
            }
        }
    }

    fn first(&self) -> Decision {
        let prior = self.options.prior_discover.as_ref().map(|verdict| verdict.protocol_version);
        first(self.options.mode, self.binding(), prior)
    }

    fn binding(&self) -> Binding {
        self.connection.info.binding
    }

    fn opened(self, verdict: Verdict, meta: CommonMeta) -> Opened {
        let Self { connection, tracing, .. } = self;
        Opened { connection, verdict, meta, tracing }
    }

    fn meta(&self, version: ProtocolVersion) -> Result<CommonMeta, Error> {
        let mut capabilities = declared(self.options);
        // In this era nothing tells of changes.
        if let Some(roots) = &mut capabilities.roots {
            roots.list_changed = None;
        }
        CommonMeta::modern(version, &capabilities, &self.options.client_info)
            .map_err(|error| self.unsendable(error))
    }

    fn unsendable(&self, error: serde_json::Error) -> Error {
        let message = "the client's capabilities or name cannot be written as JSON";
        Error::new(ErrorKind::Arguments, Arc::clone(self.server), message)
            .with_delivery(Delivery::NotSent)
            .with_source(error)
    }

    async fn probe(&self, version: ProtocolVersion) -> Result<DiscoverResult, Failure> {
        // A string, so that a late answer can never be taken for that of another request.
        let id = format!("discover-{}", self.probes);
        let mut traced = self.tracing.asking(method::SERVER_DISCOVER, Some(version), || None);
        traced.has_id(&id);
        let discovered = self.discover(version, id).instrument(traced.span()).await;
        ended(&mut traced, &discovered);
        discovered
    }

    async fn discover(
        &self,
        version: ProtocolVersion,
        id: String,
    ) -> Result<DiscoverResult, Failure> {
        let trace = self.tracing.context(|| None);
        let params = self.meta(version).and_then(|meta| {
            let params = Params::empty().encode(&meta, None, None, trace.as_deref());
            params.map_err(|error| self.unsendable(error))
        });
        let mut request = Request::new(id, method::SERVER_DISCOVER);
        request.params = params.map_err(|error| Failure {
            outcome: Outcome::Failure(TransportErrorKind::InvalidRequest),
            error,
        })?;
        let request = Envelope::new(request).with_version(version).with_trace(trace);
        let mut asked = std::pin::pin!(self.ask(request));
        // With nothing to fall back to, a slow start is none of a wrong era.
        let limit = match (self.options.mode, self.binding()) {
            (Mode::Auto, Binding::Pipe) => self.options.probe_timeout,
            _ => self.options.start_timeout,
        };
        let mut deadline = Timers::default().deadline(Timeout::total(limit));
        let answer = poll_fn(|cx| match asked.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => deadline.poll(cx).map(|limit| {
                let message = format!("no answer within {limit:?}");
                let error = Error::new(ErrorKind::Timeout, Arc::clone(self.server), message)
                    .with_method(method::SERVER_DISCOVER);
                Err(Failure { outcome: Outcome::Silence, error })
            }),
        })
        .await?;
        DiscoverResult::decode(&answer)
            .map_err(|error| self.other_shape(method::SERVER_DISCOVER, error))
    }

    async fn initialize(&self) -> Result<InitializeResult, Failure> {
        let version = match self.options.mode {
            Mode::Pinned(version) => version,
            Mode::Auto | Mode::Legacy => ProtocolVersion::LATEST_LEGACY,
        };
        let mut traced = self.tracing.asking(method::INITIALIZE, Some(version), || None);
        traced.has_id(0);
        let begun = self.begin(version).instrument(traced.span()).await;
        ended(&mut traced, &begun);
        begun
    }

    async fn begin(&self, version: ProtocolVersion) -> Result<InitializeResult, Failure> {
        let trace = self.tracing.context(|| None);
        let mut params = InitializeRequestParams::new(
            version.as_str(),
            declared(self.options),
            self.options.client_info.clone(),
        );
        params.meta = trace.as_ref().map(|trace| {
            let meta = Meta::new();
            trace.entries().fold(meta, |meta, (key, value)| meta.with(key, value))
        });
        let params = RawJson::from_serialize(&params).map_err(|error| Failure {
            outcome: Outcome::Failure(TransportErrorKind::InvalidRequest),
            error: self.unsendable(error),
        })?;
        let request = Request::new(0, method::INITIALIZE).with_params(params);
        let answer = self.ask(Envelope::new(request).with_trace(trace)).await?;
        InitializeResult::decode(&answer)
            .map_err(|error| self.other_shape(method::INITIALIZE, error))
    }

    /// Takes the version of an `initialize` result and says so to the server.
    async fn accept(&self, result: InitializeResult) -> Result<Verdict, Error> {
        let answered = result.protocol_version.parse::<ProtocolVersion>().ok();
        let version = answered
            .filter(|version| version.era() == Era::Legacy)
            .filter(|version| match self.options.mode {
                Mode::Pinned(pinned) => *version == pinned,
                Mode::Auto | Mode::Legacy => true,
            })
            .ok_or_else(|| {
                let message = format!(
                    "the server wants to speak {:?}, which this client does not",
                    result.protocol_version
                );
                Error::new(ErrorKind::Version, Arc::clone(self.server), message)
                    .with_delivery(Delivery::Answered)
                    .with_method(method::INITIALIZE)
            })?;
        let initialized = method::NOTIFICATIONS_INITIALIZED;
        let mut traced = self.tracing.asking(initialized, Some(version), || None);
        let telling = async {
            let trace = self.tracing.context(|| None);
            let params =
                Params::empty().encode(&CommonMeta::default(), None, None, trace.as_deref());
            let mut initialized = Notification::new(initialized);
            initialized.params = params.map_err(|error| self.unsendable(error))?;
            let envelope = Envelope::new(initialized.into())
                .with_version(version)
                .with_idle_limit(IdleLimit::Caller)
                .with_trace(trace);
            let sent = self.connection.transport.send(envelope).await;
            sent.map_err(|error| Error::from_transport(Arc::clone(self.server), error))
        };
        let told = telling.instrument(traced.span()).await;
        let told = told.map_err(|error| error.with_method(initialized));
        traced.ended(&told);
        told?;
        Ok(Verdict {
            protocol_version: version,
            binding: Some(self.binding()),
            server_info: Some(result.server_info),
            capabilities: result.capabilities,
            instructions: result.instructions,
        })
    }

    /// Sends an opening request and sorts what comes back. Nothing else is looked at meanwhile.
    async fn ask(&self, request: Envelope<Request>) -> Result<RawJson, Failure> {
        let method = request.message.method.clone();
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(method.clone());
        let answered = match self
            .connection
            .transport
            .request(request.with_idle_limit(IdleLimit::Caller))
            .await
        {
            Ok(exchange) => exchange.response().await,
            Err(error) => Err(error),
        };
        let (outcome, error) = match answered {
            Ok(Response { outcome: Ok(result), .. }) => return Ok(result),
            Ok(Response { outcome: Err(error), .. }) => {
                let outcome = Outcome::Answer { code: error.code, supported: supported(&error) };
                (outcome, Error::from_answer(Arc::clone(self.server), error))
            }
            Err(error) => (
                Outcome::Failure(error.kind()),
                Error::from_transport(Arc::clone(self.server), error),
            ),
        };
        Err(Failure { outcome, error: error.with_method(method) })
    }

    fn other_shape(&self, method: &'static str, error: serde_json::Error) -> Failure {
        let error = Error::decode(Arc::clone(self.server), error).with_method(method);
        Failure { outcome: Outcome::OtherResult, error }
    }

    fn no_common_version(&self, theirs: &[String], failure: Option<Error>) -> Error {
        let ours = match self.options.mode {
            Mode::Pinned(version) => version.as_str().to_owned(),
            _ => ProtocolVersion::ALL.map(ProtocolVersion::as_str).join(", "),
        };
        let mut message =
            format!("no revision of the protocol in common: this client speaks {ours}");
        if !theirs.is_empty() {
            message = format!("{message}, the server {}", theirs.join(", "));
        }
        let error = Error::new(ErrorKind::Version, Arc::clone(self.server), message);
        let error = error.with_delivery(Delivery::Answered);
        match failure {
            // The failure names the server itself.
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

fn ended<R>(traced: &mut Traced, outcome: &Result<R, Failure>) {
    match outcome {
        Ok(_) => traced.done(&()),
        Err(failure) => traced.lost(&failure.error),
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

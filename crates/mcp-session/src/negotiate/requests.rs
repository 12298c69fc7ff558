//! The opening requests.

use std::{pin::Pin, sync::Arc};

use mcp_core::{
    ErrorObject, InitializeRequestParams, Message, ProtocolVersion, RawJson, Request, Response,
    method,
};
use mcp_transport::{
    Delivery, Envelope, Error as TransportError, ErrorKind as TransportErrorKind, IdleLimit,
    SharedTransport, Transport,
};
use serde::Deserialize;
use tracing::Instrument;

use super::{early::Early, offer::Offer, table::Outcome};
use crate::{
    Error, ErrorKind, SessionOptions,
    extension::{SettingsContext, declared},
    pace::Pace,
    params::{CommonMeta, Params},
    trace::{MessageSpan, Tracing},
};

/// A request in progress.
pub(super) type Requesting = Pin<Box<dyn Future<Output = Result<Offer, Failure>> + Send>>;

/// A failed opening request: for the decision table, and for the user.
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    pub(super) error: Error,
}

/// Creates the requests of one opening.
pub(super) struct Requests<'a> {
    pub(super) server: &'a Arc<str>,
    pub(super) options: &'a SessionOptions,
    pub(super) transport: &'a SharedTransport,
    pub(super) tracing: &'a Arc<Tracing>,
    pub(super) early: &'a Arc<Early>,
}

impl Requests<'_> {
    /// The `_meta` of every message of a modern session.
    pub(super) fn meta(&self, version: ProtocolVersion) -> Result<CommonMeta, Error> {
        let mut capabilities = declared(self.options, &self.context(version));
        // This era has no notification of root changes.
        if let Some(roots) = &mut capabilities.roots {
            roots.list_changed = None;
        }
        CommonMeta::modern(version, &capabilities, &self.options.client_info)
            .map_err(|error| self.unsendable(error))
    }

    pub(super) fn unsendable(&self, error: serde_json::Error) -> Error {
        let message = "the client's capabilities or name cannot be encoded as JSON";
        Error::new(ErrorKind::Arguments, Arc::clone(self.server), message)
            .with_delivery(Delivery::NotSent)
            .with_source(error)
    }

    /// Probe number `number`.
    pub(super) fn probe(&self, version: ProtocolVersion, number: u32) -> Requesting {
        // A string id, so that a late response cannot match another request.
        let id = format!("discover-{number}");
        let mut span = self.tracing.client_span(method::SERVER_DISCOVER, Some(version), || None);
        span.set_id(&id);
        let request = span.span().in_scope(|| {
            let trace = self.tracing.context(|| None);
            let meta = self.meta(version)?;
            let params = Params::empty().encode(&meta, None, None, trace.as_deref());
            let mut request = Request::new(id, method::SERVER_DISCOVER);
            request.params = params.map_err(|error| self.unsendable(error))?;
            Ok(Envelope::new(request).with_version(version).with_trace(trace))
        });
        self.requesting(request, span, Offer::discovered)
    }

    pub(super) fn initialize(&self, version: ProtocolVersion) -> Requesting {
        let mut span = self.tracing.client_span(method::INITIALIZE, Some(version), || None);
        span.set_id(0);
        let request = span.span().in_scope(|| {
            let trace = self.tracing.context(|| None);
            let mut params = InitializeRequestParams::new(
                version.as_str(),
                declared(self.options, &self.context(version)),
                self.options.client_info.clone(),
            );
            let mut meta = self.options.initialize_meta.clone();
            for (key, value) in trace.iter().flat_map(|trace| trace.entries()) {
                let meta = meta.get_or_insert_default();
                if !meta.contains_key(key) {
                    *meta = std::mem::take(meta).with(key, value);
                }
            }
            params.meta = meta;
            let params =
                RawJson::from_serialize(&params).map_err(|error| self.unsendable(error))?;
            let request = Request::new(0, method::INITIALIZE).with_params(params);
            Ok(Envelope::new(request).with_trace(trace))
        });
        self.requesting(request, span, Offer::initialized)
    }

    fn requesting(
        &self,
        request: Result<Envelope<Request>, Error>,
        mut span: MessageSpan,
        decode: fn(&RawJson) -> Result<Offer, serde_json::Error>,
    ) -> Requesting {
        let server = Arc::clone(self.server);
        let (transport, early) = (self.transport.clone(), Arc::clone(self.early));
        Box::pin(async move {
            let asking = async {
                let request = request.map_err(|error| Failure {
                    outcome: Outcome::Failure(TransportErrorKind::InvalidRequest),
                    error,
                })?;
                let method = request.message.method.clone();
                let answer = ask(&transport, request, &early).await;
                let result = answer.map_err(|answer| failure(&server, answer)).and_then(|raw| {
                    decode(&raw).map_err(|error| {
                        let error = Error::decode(Arc::clone(&server), error);
                        Failure { outcome: Outcome::OtherResult, error }
                    })
                });
                result.map_err(|Failure { outcome, error }| Failure {
                    outcome,
                    error: error.with_method(method),
                })
            };
            let outcome = asking.instrument(span.span()).await;
            match &outcome {
                Ok(_) => span.done(&()),
                Err(failure) => span.failed(&failure.error),
            }
            outcome
        })
    }

    fn context(&self, version: ProtocolVersion) -> SettingsContext<'_> {
        SettingsContext::new(self.server, version)
    }
}

/// Why there is no result.
enum NoResult {
    Answer(ErrorObject),
    Failure(TransportError),
}

async fn ask(
    transport: &SharedTransport,
    request: Envelope<Request>,
    early: &Early,
) -> Result<RawJson, NoResult> {
    let request = request.with_idle_limit(IdleLimit::Caller);
    let mut exchange = transport.request(request).await.map_err(NoResult::Failure)?;
    let mut pace = Pace::default();
    while let Some(item) = exchange.next().await {
        match item.map_err(NoResult::Failure)? {
            Message::Response(Response { outcome, .. }) => {
                return outcome.map_err(NoResult::Answer);
            }
            message => early.take(message.into()),
        }
        if pace.is_over() {
            pace.pause().await;
        }
    }
    let text = "the exchange has ended";
    Err(NoResult::Failure(TransportError::new(TransportErrorKind::Protocol, text)))
}

fn failure(server: &Arc<str>, answer: NoResult) -> Failure {
    let server = Arc::clone(server);
    match answer {
        NoResult::Answer(error) => {
            let outcome = Outcome::Answer { code: error.code, supported: supported(&error) };
            Failure { outcome, error: Error::from_answer(server, error) }
        }
        NoResult::Failure(error) => {
            let outcome = match (error.kind(), error.delivery()) {
                (TransportErrorKind::Closed, Delivery::NotSent) => Outcome::Unsent,
                (kind, _) => Outcome::Failure(kind),
            };
            Failure { outcome, error: Error::from_transport(server, error) }
        }
    }
}

/// The versions in an error's data, if that is a list of strings.
fn supported(error: &ErrorObject) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Data {
        #[serde(alias = "supportedVersions")]
        supported: Vec<String>,
    }
    let data: Data = error.data.as_ref()?.decode().ok()?;
    (!data.supported.is_empty()).then_some(data.supported)
}

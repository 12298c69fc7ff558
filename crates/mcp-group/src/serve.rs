use std::sync::Arc;

use mcp_core::{
    Era, ErrorObject, ProtocolVersion, RawJson, Request, RequestId, UnsupportedProtocolVersionData,
    error_code, meta_key, method,
};
use mcp_session::Timeout;
use mcp_transport::{Envelope, Exchange, IdleLimit, Inbound, OneWay, Serve};

use crate::{
    Group,
    asker::Asker,
    calls::known_tool,
    dispatch::dispatch,
    error::{RequestError, invalid_params},
    forward::Forwarding,
    listen::listen,
    meta::RequestMeta,
    relay::{Asks, Park, failed, relay},
    request::IncomingRequest,
};

impl Serve for Group {
    fn for_client(&self) -> Option<Self> {
        Some(Self::of(Arc::clone(&self.state)))
    }

    fn open(&self) -> Inbound {
        self.client.open()
    }

    async fn request(&self, request: Envelope<Request>) -> Exchange {
        self.exchange(request)
    }

    fn try_request(&self, request: &mut Option<Envelope<Request>>) -> Option<Exchange> {
        request.take().map(|request| self.exchange(request))
    }

    async fn send(&self, message: Envelope<OneWay>) {
        let notification = match message.message {
            OneWay::Notification(notification) => notification,
            OneWay::Response(response) => {
                if let Some(id) = &response.id {
                    self.client.pending().answer(id, response.outcome);
                }
                return;
            }
        };
        // Handshake and cancellation concern only the group.
        if matches!(
            &*notification.method,
            method::NOTIFICATIONS_INITIALIZED | method::NOTIFICATIONS_CANCELLED
        ) {
            return;
        }
        for member in self.state.members() {
            // Modern servers receive no notifications outside requests.
            if let Some(session) = member.ready()
                && session.era() == Era::Legacy
                && let Err(error) =
                    session.notify(notification.method.clone(), &notification.params).await
            {
                tracing::debug!(%error, "cannot forward a notification of the client");
            }
        }
    }

    async fn close(&self) {
        if !self.client.close() {
            return;
        }
        self.state.clients.end_listeners();
        if let Err(error) = self.state.stop().await {
            tracing::debug!(%error, "a server did not close gracefully");
        }
    }

    fn enforces_idle_limit(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        let members = self.state.members();
        let names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        match names.len() {
            0..=3 => names.join(", "),
            count => format!("{count} servers"),
        }
    }
}

/// Whether a server may request input during the request, which the client then receives.
fn may_be_asked(request: &IncomingRequest) -> bool {
    let may_be = [method::TOOLS_CALL, method::PROMPTS_GET, method::RESOURCES_READ];
    request.group.forwards_requests && may_be.contains(&&*request.method)
}

impl Group {
    fn exchange(&self, request: Envelope<Request>) -> Exchange {
        let id = request.message.id.clone();
        match self.incoming(request) {
            Ok(request) if request.method == method::SUBSCRIPTIONS_LISTEN => listen(request),
            Ok(request) => match may_be_asked(&request) {
                true => self.relay_asking(id, request),
                false => Self::relay(id, request),
            },
            Err(error) => failed(id, error),
        }
    }

    /// The exchange of a request during which no server sends requests to the client.
    fn relay(id: RequestId, mut request: IncomingRequest) -> Exchange {
        let outbox = request.outbox();
        match known_tool(&mut request) {
            Some(target) => {
                let forwarding = Forwarding::new(request, target);
                let server = forwarding.unvalidated().cloned();
                relay(id, outbox, None, forwarding).with_answered_by(server)
            }
            None => relay(id, outbox, None, Box::pin(dispatch(request))),
        }
    }

    /// The exchange of a request during which servers may send requests to the client.
    fn relay_asking(&self, id: RequestId, mut request: IncomingRequest) -> Exchange {
        let target = request.params.text("name").or_else(|| request.params.text("uri"));
        let key = format!("{} {}", request.method, target.unwrap_or_default());
        let parked = &self.state.parked;
        let state = request.params.text("requestState").filter(|_| request.is_modern());
        match state.and_then(|state| parked.take(&state, &key)) {
            Some(Ok(suspended)) => {
                let responses = request.params.object("inputResponses");
                return suspended.resume(id, request.outbox(), responses);
            }
            Some(Err(text)) => return failed(id, invalid_params(text)),
            None => {}
        }
        let capabilities = || request.meta.members.decode(meta_key::CLIENT_CAPABILITIES);
        let modern = request.is_modern().then(|| capabilities().unwrap_or_default());
        let (asker, inbound) = Asker::new(&self.client, modern);
        let park = request.is_modern().then(|| Park {
            parked: Arc::clone(parked),
            key,
            pending: Arc::clone(asker.pending()),
        });
        request.asker = Some(asker);
        relay(id, request.outbox(), Some(Asks { inbound, park }), Box::pin(dispatch(request)))
    }

    fn incoming(&self, request: Envelope<Request>) -> Result<IncomingRequest, RequestError> {
        if self.client.is_closed() {
            return Err(RequestError::closed());
        }
        let Envelope { message, version: sent_in, idle_limit, skips_validation, .. } = request;
        let raw = message.params.unwrap_or_else(|| RawJson::trusted("{}"));
        let read = self.client.last_meta.read(&raw);
        let (params, meta) = read.map_err(|error| invalid_params(error.to_string()))?;
        let version = self.version(&message.method, &meta, sent_in)?;
        let level = match version.era() {
            Era::Modern => meta.level.clone(),
            Era::Legacy => self.client.level(),
        };
        if let Some(level) = level.as_ref().filter(|level| level.severity().is_none()) {
            return Err(invalid_params(format!("unknown log level {:?}", level.as_str())));
        }
        Ok(IncomingRequest {
            group: Arc::clone(&self.state),
            client: Arc::clone(&self.client),
            id: message.id,
            method: message.method,
            raw,
            params,
            meta,
            version,
            level,
            asker: None,
            skips_validation,
            // The session with the server knows when it waits for a user; the client's session does not.
            timeout: match idle_limit {
                IdleLimit::Transport => None,
                IdleLimit::After(limit) => Some(Timeout::idle(limit)),
                IdleLimit::Caller => Some(Timeout::NONE),
            },
        })
    }

    /// The revision of a request: in the modern era its own, otherwise that of the connection.
    ///
    /// Spec: basic/versioning#servers
    fn version(
        &self,
        method: &str,
        meta: &RequestMeta,
        sent_in: Option<ProtocolVersion>,
    ) -> Result<ProtocolVersion, RequestError> {
        if method != method::INITIALIZE
            && let Some(requested) = &meta.version
        {
            let version = requested.parse().ok();
            let version = version.filter(|it: &ProtocolVersion| it.era() == Era::Modern);
            let version = version.ok_or_else(|| unsupported(requested))?;
            return match meta.members.get(meta_key::CLIENT_CAPABILITIES) {
                Some([b'{', ..]) => Ok(version),
                _ => Err(missing("clientCapabilities")),
            };
        }
        let is_first = matches!(method, method::INITIALIZE | method::PING);
        let legacy = match sent_in {
            Some(version) if version.era() == Era::Legacy => Some(version),
            Some(_) => None,
            None => self.client.version(),
        };
        match legacy {
            Some(version) => Ok(version),
            None if is_first => Ok(ProtocolVersion::LATEST_LEGACY),
            None => Err(missing("protocolVersion")),
        }
    }
}

/// Spec: basic/versioning#protocol-version-negotiation
fn unsupported(requested: &str) -> RequestError {
    let supported: Vec<String> = ProtocolVersion::ALL.iter().map(ToString::to_string).collect();
    ErrorObject::from(UnsupportedProtocolVersionData::new(supported, requested)).into()
}

/// Spec: basic/index#per-request-protocol-fields
fn missing(key: &str) -> RequestError {
    let text = format!("missing `io.modelcontextprotocol/{key}` in `_meta`");
    ErrorObject::new(error_code::INVALID_PARAMS, text).into()
}

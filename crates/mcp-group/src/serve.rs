use std::sync::Arc;

use mcp_core::{
    Era, ErrorObject, LoggingLevel, ProtocolVersion, RawJson, RawObject, Request,
    UnsupportedProtocolVersionData, error_code, meta_key, method,
};
use mcp_session::Timeout;
use mcp_transport::{Envelope, Exchange, IdleLimit, Inbound, OneWay, Serve};

use crate::{
    Group,
    dispatch::dispatch,
    error::{RequestError, invalid_params},
    listen::listen,
    relay::{failed, relay},
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
        let id = request.message.id.clone();
        match self.incoming(request) {
            Ok(request) if request.method == method::SUBSCRIPTIONS_LISTEN => listen(request),
            Ok(request) => relay(id, request.wants_logs(), dispatch(request)),
            Err(error) => failed(id, error),
        }
    }

    async fn send(&self, message: Envelope<OneWay>) {
        let OneWay::Notification(notification) = message.message else { return };
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

impl Group {
    fn incoming(&self, request: Envelope<Request>) -> Result<IncomingRequest, RequestError> {
        if self.client.is_closed() {
            return Err(RequestError::closed());
        }
        let Envelope { message, version: sent_in, idle_limit, .. } = request;
        let raw = message.params.unwrap_or_else(|| RawJson::trusted("{}"));
        let parsed = RawObject::parse_params(raw.clone());
        let (params, meta) = parsed.map_err(|error| invalid_params(error.to_string()))?;
        let version = self.version(&message.method, &meta, sent_in)?;
        let level = match version.era() {
            Era::Modern => meta.decode::<LoggingLevel>(meta_key::LOG_LEVEL),
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
        meta: &RawObject,
        sent_in: Option<ProtocolVersion>,
    ) -> Result<ProtocolVersion, RequestError> {
        if method != method::INITIALIZE
            && let Some(requested) = meta.text(meta_key::PROTOCOL_VERSION)
        {
            let version = requested.parse().ok();
            let version = version.filter(|it: &ProtocolVersion| it.era() == Era::Modern);
            let version = version.ok_or_else(|| unsupported(&requested))?;
            return match meta.get(meta_key::CLIENT_CAPABILITIES) {
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

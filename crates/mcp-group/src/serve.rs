use std::sync::Arc;

use mcp_core::{
    Era, ErrorObject, LoggingLevel, ProtocolVersion, Request, Response,
    UnsupportedProtocolVersionData, error_code, meta_key, method,
};
use mcp_session::Timeout;
use mcp_transport::{Envelope, Exchange, IdleLimit, Inbound, OneWay, Serve};
use serde_json::value::RawValue;

use crate::{
    Group,
    asked::{Asked, answer},
    failure::{Failure, invalid_params},
    listen::listen,
    member::Phase,
    object::Object,
    relay::relay,
};

impl Serve for Group {
    fn for_client(&self) -> Option<Self> {
        Some(Self::of(Arc::clone(&self.shared)))
    }

    fn open(&self) -> Inbound {
        self.client.open()
    }

    async fn request(&self, request: Envelope<Request>) -> Exchange {
        let id = request.message.id.clone();
        match self.asked(request) {
            Ok(asked) if asked.method == method::SUBSCRIPTIONS_LISTEN => listen(asked),
            Ok(asked) => relay(id, asked.with_log, answer(asked)),
            Err(Failure::Answer(error)) => {
                Exchange::answered(id.clone(), Response::error(id, error))
            }
            Err(Failure::Below(error)) => relay(id, false, async { Err(Failure::Below(error)) }),
        }
    }

    async fn send(&self, message: Envelope<OneWay>) {
        let OneWay::Notification(notification) = message.message else { return };
        // The beginning and the cancellation of what is the group's own.
        if matches!(
            &*notification.method,
            method::NOTIFICATIONS_INITIALIZED | method::NOTIFICATIONS_CANCELLED
        ) {
            return;
        }
        let params = Object::of(notification.params.as_ref()).unwrap_or_default();
        for member in self.shared.members() {
            let Phase::Ready(session) = member.phase.borrow().clone() else { continue };
            // Servers of the modern era are told nothing outside requests.
            if session.era() == Era::Legacy
                && let Err(error) = session.notify(notification.method.clone(), &params).await
            {
                tracing::debug!(%error, "a notification of the client was lost");
            }
        }
    }

    async fn close(&self) {
        if self.client.close()
            && let Err(error) = self.shared.close().await
        {
            tracing::debug!(%error, "a server did not end in order");
        }
    }

    fn enforces_idle_limit(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        let members = self.shared.members();
        let names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        names.join(", ")
    }
}

impl Group {
    fn asked(&self, request: Envelope<Request>) -> Result<Asked, Failure> {
        let Envelope { message, version: sent_in, idle_limit, .. } = request;
        let params = Object::of(message.params.as_ref())
            .map_err(|error| invalid_params(error.to_string()))?;
        let meta = params.object("_meta");
        let version = self.version(&message.method, &meta, sent_in)?;
        let level = match version.era() {
            Era::Modern => meta.decode::<LoggingLevel>(meta_key::LOG_LEVEL),
            Era::Legacy => self.client.level(),
        };
        if let Some(level) = level.as_ref().filter(|level| level.severity().is_none()) {
            return Err(invalid_params(format!("unknown log level {:?}", level.as_str())));
        }
        let with_log = level.is_some() || version.era() == Era::Legacy;
        Ok(Asked {
            shared: Arc::clone(&self.shared),
            client: Arc::clone(&self.client),
            id: message.id,
            method: message.method,
            params,
            meta,
            version,
            level,
            timeout: match idle_limit {
                IdleLimit::Transport => None,
                IdleLimit::After(limit) => Some(Timeout::idle(limit)),
                IdleLimit::Caller => Some(Timeout::NONE),
            },
            with_log,
        })
    }

    /// The revision that a request is written in: what it says itself in the modern era, else that of the
    /// connection.
    ///
    /// Spec: basic/versioning#servers
    fn version(
        &self,
        method: &str,
        meta: &Object,
        sent_in: Option<ProtocolVersion>,
    ) -> Result<ProtocolVersion, Failure> {
        if method != method::INITIALIZE
            && let Some(requested) = meta.text(meta_key::PROTOCOL_VERSION)
        {
            let version = requested.parse().ok();
            let version = version.filter(|it: &ProtocolVersion| it.era() == Era::Modern);
            let version = version.ok_or_else(|| unsupported(&requested))?;
            let capabilities = meta.get(meta_key::CLIENT_CAPABILITIES).map(RawValue::get);
            return match capabilities {
                Some(object) if object.starts_with('{') => Ok(version),
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
fn unsupported(requested: &str) -> Failure {
    let supported: Vec<String> = ProtocolVersion::ALL.iter().map(ToString::to_string).collect();
    ErrorObject::from(UnsupportedProtocolVersionData::new(supported, requested)).into()
}

/// Spec: basic/index#per-request-protocol-fields
fn missing(key: &str) -> Failure {
    let text = format!("missing `io.modelcontextprotocol/{key}` in `_meta`");
    ErrorObject::new(error_code::INVALID_PARAMS, text).into()
}

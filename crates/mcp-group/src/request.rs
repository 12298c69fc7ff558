use std::{borrow::Cow, sync::Arc};

use mcp_core::{
    Era, LoggingLevel, ProtocolVersion, RawJson, RawObject, RequestId, ResultType, ServerResult,
};
use mcp_session::{CacheMode, Timeout};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    asker::Asker,
    client::GroupClient,
    error::{RequestError, internal, invalid_params},
    info::server_info,
    lists::ReadOptions,
    meta::RequestMeta,
    relay::Outbox,
    state::GroupState,
};

/// A request from a client.
pub(crate) struct IncomingRequest {
    pub(crate) group: Arc<GroupState>,
    pub(crate) client: Arc<GroupClient>,
    pub(crate) id: RequestId,
    pub(crate) method: Cow<'static, str>,
    /// All parameters, as received.
    pub(crate) raw: RawJson,
    /// The parameters without the `_meta`.
    pub(crate) params: RawObject,
    pub(crate) meta: Arc<RequestMeta>,
    pub(crate) version: ProtocolVersion,
    /// The minimum level of log messages that the client requested.
    pub(crate) level: Option<LoggingLevel>,
    /// Sends requests of servers to the client, if they are forwarded.
    pub(crate) asker: Option<Arc<Asker>>,
    /// Whether the client validates a result.
    pub(crate) skips_validation: bool,
    /// The timeout for calls to servers. Overrides that of their sessions.
    pub(crate) timeout: Option<Timeout>,
}

impl IncomingRequest {
    pub(crate) fn is_modern(&self) -> bool {
        self.version.era() == Era::Modern
    }

    /// Whether log messages may be sent before the response.
    pub(crate) fn wants_logs(&self) -> bool {
        self.level.is_some() || !self.is_modern()
    }

    /// Where the notifications of servers are queued.
    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::new(self.wants_logs(), self.meta.progress_token.clone())
    }

    /// Decodes the parameters.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, RequestError> {
        self.raw.decode().map_err(|error| invalid_params(error.to_string()))
    }

    /// A required string parameter.
    pub(crate) fn required(&self, name: &str) -> Result<String, RequestError> {
        let text = self.params.text(name);
        text.ok_or_else(|| invalid_params(format!("missing field `{name}`")))
    }

    /// Options for reading lists for this request.
    pub(crate) fn read_options(&self) -> ReadOptions<'_> {
        ReadOptions { client: &self.client, timeout: self.timeout, cache: CacheMode::Use }
    }

    /// A result of the group itself.
    ///
    /// Spec: basic/index#result-responses
    pub(crate) fn result<T: ServerResult + Serialize>(
        &self,
        mut result: T,
    ) -> Result<RawJson, RequestError> {
        let is_modern = self.is_modern();
        result.set_result_type(is_modern.then_some(ResultType::Complete));
        if is_modern {
            let meta = result.meta_mut().take().unwrap_or_default();
            *result.meta_mut() = Some(match meta.server_info() {
                Some(_) => meta,
                None => meta.with_server_info(server_info(&self.group)),
            });
        }
        RawJson::from_serialize(&result).map_err(internal)
    }
}

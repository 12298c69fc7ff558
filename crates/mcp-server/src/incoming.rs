//! A request with the state that its handler needs.

use std::sync::Arc;

use mcp_core::{ErrorObject, ProtocolVersion, RawJson, Request};
use serde::Deserialize;

use crate::{
    Context,
    client_state::ClientState,
    params::{Params, RequestMeta, invalid_params},
    reply::{Reply, Stamp},
};

/// A request on its way to its handler.
pub(crate) struct Incoming<'a> {
    pub(crate) request: &'a Request,
    pub(crate) params: Params<'a>,
    pub(crate) meta: Option<Arc<RequestMeta>>,
    pub(crate) version: ProtocolVersion,
    pub(crate) client: &'a Arc<ClientState>,
    pub(crate) stamp: &'a Arc<Stamp>,
}

impl Incoming<'_> {
    pub(crate) fn reply(&self) -> Reply {
        Reply::new(self.stamp, self.version)
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(self.request, self.version, self.meta.as_deref(), self.client)
    }

    /// Decodes the arguments by `decode`, which validates its whole input as JSON. The inner error is that of `decode`.
    pub(crate) fn arguments<A>(
        &self,
        decode: impl Fn(&str) -> Result<A, String>,
    ) -> Result<Result<A, String>, ErrorObject> {
        let Some(unread) = self.params.unread_arguments else {
            return Ok(decode(self.params.arguments()?));
        };
        match decode(unread) {
            Ok(arguments) => Ok(Ok(arguments)),
            // They may not be what the parameters contain.
            Err(_) => Ok(decode(Params::of(self.request)?.arguments()?)),
        }
    }

    /// Decodes the parameters.
    pub(crate) fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ErrorObject> {
        let params = self.request.params.as_ref();
        params
            .map_or_else(|| serde_json::from_str("{}"), RawJson::decode)
            .map_err(|error| invalid_params(error.to_string()))
    }
}

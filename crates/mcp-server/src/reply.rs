use std::{any::Any, sync::Arc};

use mcp_core::{
    Era, ErrorObject, Meta, Outcome, ProtocolVersion, RawJson, ResultType, ServerResult, error_code,
};
use serde::Serialize;

use crate::server::Shared;

/// What a request is answered with.
pub(crate) type Answer = Result<RawJson, ErrorObject>;

/// Writes results in the revision of their request.
///
/// Since 2026-07-28 each one says of what type it is, and from which server.
///
/// Spec: basic/index#result-responses
pub(crate) struct Reply {
    shared: Arc<Shared>,
    era: Era,
}

impl Reply {
    pub(crate) fn new(shared: &Arc<Shared>, version: ProtocolVersion) -> Self {
        Self { shared: Arc::clone(shared), era: version.era() }
    }

    pub(crate) fn is_modern(&self) -> bool {
        self.era == Era::Modern
    }

    /// Serialises a result once, straight to bytes.
    pub(crate) fn result<T: ServerResult + Serialize>(&self, mut result: T) -> Answer {
        let mut out = Vec::with_capacity(256);
        if self.is_modern() {
            if result.result_type().is_none() && result.meta().is_none() {
                serde_json::to_writer(&mut out, &result).map_err(internal)?;
                // The brace goes and comes back with the members that all results have.
                out.pop();
                return Ok(self.finish(out));
            }
            if result.result_type().is_none() {
                result.set_result_type(Some(ResultType::Complete));
            }
            let meta = result.meta_mut().take().unwrap_or_default();
            *result.meta_mut() = Some(self.with_server_info(meta));
        } else {
            result.set_result_type(None);
        }
        serde_json::to_writer(&mut out, &result).map_err(internal)?;
        Ok(RawJson::trusted(out))
    }

    pub(crate) fn outcome<T: ServerResult + Serialize>(&self, outcome: Outcome<T>) -> Answer {
        match outcome {
            Outcome::Complete(result) => self.result(result),
            _ if !self.is_modern() => {
                Err(internal("this needs input, which the revision has no way to ask for"))
            }
            Outcome::InputRequired(result) => self.result(result),
            other => RawJson::from_serialize(&other).map_err(internal),
        }
    }

    /// Closes an object that has members already.
    pub(crate) fn finish(&self, mut object: Vec<u8>) -> RawJson {
        if self.is_modern() {
            if object.len() > 1 {
                object.push(b',');
            }
            object.extend_from_slice(self.shared.tail.as_bytes());
        }
        object.push(b'}');
        RawJson::trusted(object)
    }

    fn with_server_info(&self, meta: Meta) -> Meta {
        match meta.server_info() {
            Some(_) => meta,
            None => meta.with_server_info(self.shared.info.clone()),
        }
    }
}

/// An error of this server, which tells the client no more than it should know.
pub(crate) fn internal(error: impl std::fmt::Display) -> ErrorObject {
    ErrorObject::new(error_code::INTERNAL_ERROR, error.to_string())
}

/// The error of a handler, where it is meant for the protocol.
pub(crate) fn protocol_error<E: 'static>(error: &E) -> Option<ErrorObject> {
    (error as &dyn Any).downcast_ref::<ErrorObject>().cloned()
}

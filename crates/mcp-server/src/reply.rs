//! Encodes results in the revision of their request.

use std::{any::Any, sync::Arc};

use mcp_core::{
    Era, ErrorObject, Implementation, Meta, Outcome, ProtocolVersion, RawJson, ResultType,
    ServerResult, error_code,
};
use serde::Serialize;

/// The response to a request: its result or its error.
pub(crate) type Answer = Result<RawJson, ErrorObject>;

/// Members that a server adds to its results since 2026-07-28, as JSON.
///
/// Spec: basic/index#result-responses
pub(crate) struct Stamp {
    pub(crate) info: Implementation,
    /// The last members of each result.
    pub(crate) result: String,
    /// The cache hints of each list.
    pub(crate) cache_hints: String,
}

/// Encodes the results of one request.
pub(crate) struct Reply {
    stamp: Arc<Stamp>,
    era: Era,
}

impl Reply {
    pub(crate) fn new(stamp: &Arc<Stamp>, version: ProtocolVersion) -> Self {
        Self { stamp: Arc::clone(stamp), era: version.era() }
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
                // `finish` writes the closing brace after the members that all results have.
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
                Err(internal("this needs input, which the client's revision does not support"))
            }
            Outcome::InputRequired(result) => self.result(result),
            other => RawJson::from_serialize(&other).map_err(internal),
        }
    }

    /// Closes the object of a list result, after its cache hints.
    pub(crate) fn finish_list(&self, mut object: Vec<u8>) -> RawJson {
        if self.is_modern() {
            object.extend_from_slice(self.stamp.cache_hints.as_bytes());
        }
        self.finish(object)
    }

    /// Closes the object of a result.
    pub(crate) fn finish(&self, mut object: Vec<u8>) -> RawJson {
        if self.is_modern() {
            if object.len() > 1 {
                object.push(b',');
            }
            object.extend_from_slice(self.stamp.result.as_bytes());
        }
        object.push(b'}');
        RawJson::trusted(object)
    }

    /// The length of what [`finish`](Self::finish) adds to a result with members.
    pub(crate) fn end_len(&self) -> usize {
        let stamp = if self.is_modern() { 1 + self.stamp.result.len() } else { 0 };
        stamp + 1
    }

    fn with_server_info(&self, meta: Meta) -> Meta {
        match meta.server_info() {
            Some(_) => meta,
            None => meta.with_server_info(self.stamp.info.clone()),
        }
    }
}

/// An internal error with this message and no other detail.
pub(crate) fn internal(error: impl std::fmt::Display) -> ErrorObject {
    ErrorObject::new(error_code::INTERNAL_ERROR, error.to_string())
}

/// The error of a handler, if it is an error of the protocol.
pub(crate) fn protocol_error<E: 'static>(error: &E) -> Option<ErrorObject> {
    (error as &dyn Any).downcast_ref::<ErrorObject>().cloned()
}

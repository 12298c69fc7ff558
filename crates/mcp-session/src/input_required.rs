//! Input requests of the modern era: `input_required` results.
//!
//! Spec: basic/patterns/mrtr

use std::{borrow::Cow, sync::Arc, time::Duration};

use mcp_core::{Entries, Meta, RawJson};
use mcp_transport::Backoff;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    handlers::{CallInfo, RawRequest, internal},
    params::member,
    server_requests::{InputError, NamedRequest, ServerRequests},
};

/// The `_meta` key of an `input_required` result under which a group names the server that requests the input, as a
/// string.
pub const SERVER_META_KEY: &str = "rs.docs.mcp-group/server";

/// The delays before repeating a call for which the server only needs time.
const BACKOFF: Backoff =
    Backoff::new(Duration::from_millis(100), Duration::from_secs(5)).with_jitter(0.0);

/// The members that a repeated request adds to its parameters, as the inside of a JSON object.
pub(crate) type InputResponses = Vec<u8>;

/// An `input_required` result, decoded leniently: each request separately, the state not at all.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InputRequired<'a> {
    result_type: Cow<'a, str>,
    #[serde(default, borrow)]
    input_requests: Option<Entries<RawInput<'a>>>,
    #[serde(default, borrow)]
    request_state: Option<&'a RawValue>,
    #[serde(default, rename = "_meta")]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct RawInput<'a> {
    method: Cow<'a, str>,
    #[serde(default, borrow)]
    params: Option<&'a RawValue>,
}

impl<'a> InputRequired<'a> {
    /// The result, if it requests input. A result with neither requests nor state does not: repeating the call could
    /// execute it twice.
    pub(crate) fn read(result: &'a RawJson) -> Option<Self> {
        let this: Self = result.decode().ok()?;
        let requests = this.input_requests.as_ref();
        let asks = requests.is_some_and(|it| !it.is_empty()) || this.request_state.is_some();
        (this.result_type == "input_required" && asks).then_some(this)
    }

    /// Obtains all of the input from the handlers, in this `round` of the call, starting at 1.
    pub(crate) async fn responses(
        &self,
        server_requests: &ServerRequests,
        call: &CallInfo,
        round: u32,
    ) -> Result<InputResponses, InputError> {
        let Some(requests) = self.input_requests.as_ref().filter(|it| !it.is_empty()) else {
            tokio::time::sleep(BACKOFF.delay(round.saturating_sub(1), None)).await;
            return Ok(self.with_state(Vec::new()));
        };
        let server = self.meta.as_ref().and_then(|meta| meta.get(SERVER_META_KEY)?.as_str());
        let inputs = requests.iter().map(|(name, RawInput { method, params })| {
            let params = params.map(|it| RawJson::trusted(it.get().to_owned()));
            let method = Cow::Owned(method.clone().into_owned());
            NamedRequest { name, request: Ok(RawRequest::new(method, params)) }
        });
        let results =
            server_requests.obtain(inputs.collect(), Some(call), server.map(Arc::from)).await?;
        let mut out = b"\"inputResponses\":{".to_vec();
        for ((name, _), result) in requests.iter().zip(results) {
            let raw = result.decode::<&RawValue>();
            raw.and_then(|raw| member(&mut out, name, raw))
                .map_err(|error| InputError::new(name, &internal(error.to_string())))?;
        }
        out.push(b'}');
        Ok(self.with_state(out))
    }

    /// Adds the state unchanged, if there is one.
    pub(crate) fn with_state(&self, mut out: InputResponses) -> InputResponses {
        if let Some(state) = self.request_state {
            if !out.is_empty() {
                out.push(b',');
            }
            out.extend_from_slice(b"\"requestState\":");
            out.extend_from_slice(state.get().as_bytes());
        }
        out
    }
}

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{
    CreateMessageRequest, CreateMessageResult, ElicitRequest, ElicitResult, Entries,
    ListRootsRequest, ListRootsResult, Meta, ResultType, ServerResult, meta::with_meta,
};
use crate::rpc::from_value;

tagged_enum! {
    /// Input that a server requests from the client before it completes a request. Since 2026-07-28.
    ///
    /// Spec:
    /// [Multi round-trip requests](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr)
    #[allow(clippy::large_enum_variant, reason = "few at a time")]
    pub enum InputRequest by "method" {
        /// Input from the user.
        Elicit(ElicitRequest) = "elicitation/create",
        /// A message from a model.
        CreateMessage(CreateMessageRequest) = "sampling/createMessage",
        /// The roots.
        ListRoots(ListRootsRequest) = "roots/list",
    }
}

/// The client's response to an [`InputRequest`]. Since 2026-07-28.
///
/// The kind is that of the input request with the same name. Decoding does not know the request, so it
/// determines the kind from the members.
///
/// Spec:
/// [Multi round-trip requests](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr)
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "few at a time")]
pub enum InputResponse {
    /// Input from the user.
    Elicit(ElicitResult),
    /// A message from a model.
    CreateMessage(CreateMessageResult),
    /// The roots.
    ListRoots(ListRootsResult),
    /// Any other value.
    Unknown(Value),
}

impl From<ElicitResult> for InputResponse {
    fn from(result: ElicitResult) -> Self {
        Self::Elicit(result)
    }
}

impl From<CreateMessageResult> for InputResponse {
    fn from(result: CreateMessageResult) -> Self {
        Self::CreateMessage(result)
    }
}

impl From<ListRootsResult> for InputResponse {
    fn from(result: ListRootsResult) -> Self {
        Self::ListRoots(result)
    }
}

impl Serialize for InputResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Elicit(result) => result.serialize(serializer),
            Self::CreateMessage(result) => result.serialize(serializer),
            Self::ListRoots(result) => result.serialize(serializer),
            Self::Unknown(raw) => raw.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for InputResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Value::deserialize(deserializer)?;
        let known = if raw.get("action").is_some() {
            from_value(&raw).ok().map(Self::Elicit)
        } else if raw.get("roots").is_some() {
            from_value(&raw).ok().map(Self::ListRoots)
        } else {
            from_value(&raw).ok().map(Self::CreateMessage)
        };
        Ok(known.unwrap_or(Self::Unknown(raw)))
    }
}

wire_struct! {
    /// The result of a request for which the server needs input. The client collects the input and retries
    /// the request with a new id, the input responses and the state. Since 2026-07-28.
    ///
    /// Spec:
    /// [Multi round-trip requests](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr)
    pub struct InputRequiredResult {
        required {
            /// Always `input_required`; see [`input_required`](Self::input_required).
            result_type: ResultType = "resultType";
        }
        optional {
            /// The requested input, by names chosen by the server. If absent, just retry the request.
            input_requests: Entries<InputRequest> = "inputRequests", with_input_requests;
            /// The state to be sent with the retry, unchanged. Opaque.
            request_state: String = "requestState", with_request_state;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl InputRequiredResult {
    /// Creates a result without input requests.
    pub fn input_required() -> Self {
        Self::new(ResultType::InputRequired)
    }
}

impl ServerResult for InputRequiredResult {
    fn result_type(&self) -> Option<&ResultType> {
        Some(&self.result_type)
    }

    fn set_result_type(&mut self, result_type: Option<ResultType>) {
        self.result_type = result_type.unwrap_or(ResultType::InputRequired);
    }
}

wire_struct! {
    /// The parameters that a retried request adds. Since 2026-07-28.
    ///
    /// Spec:
    /// [Multi round-trip requests](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr)
    #[derive(Default)]
    pub struct InputResponseRequestParams {
        optional {
            /// The responses to the input requests, by their names.
            input_responses: Entries<InputResponse> = "inputResponses", with_input_responses;
            /// The state of the previous result, unchanged.
            request_state: String = "requestState", with_request_state;
            /// Metadata. Required.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(InputRequiredResult, InputResponseRequestParams);

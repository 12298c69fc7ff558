use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{
    CreateMessageRequest, CreateMessageResult, ElicitRequest, ElicitResult, Entries,
    ListRootsRequest, ListRootsResult, Meta, ResultType, ServerResult, meta::with_meta,
};

tagged_enum! {
    /// What a server asks the client for before it goes on. Since 2026-07-28.
    ///
    /// Spec: basic/patterns/mrtr
    #[allow(clippy::large_enum_variant, reason = "few at a time")]
    pub enum InputRequest by "method" {
        /// To ask a person.
        Elicit(ElicitRequest) = "elicitation/create",
        /// To ask a model.
        CreateMessage(CreateMessageRequest) = "sampling/createMessage",
        /// To name the roots.
        ListRoots(ListRootsRequest) = "roots/list",
    }
}

/// The client's answer to an [`InputRequest`]. Which kind it is follows from what was asked under
/// the same name; here it is told by the members alone. Since 2026-07-28.
///
/// Spec: basic/patterns/mrtr
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "few at a time")]
pub enum InputResponse {
    /// What a person did.
    Elicit(ElicitResult),
    /// What a model wrote.
    CreateMessage(CreateMessageResult),
    /// The roots.
    ListRoots(ListRootsResult),
    /// Something else.
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
            ElicitResult::deserialize(&raw).ok().map(Self::Elicit)
        } else if raw.get("roots").is_some() {
            serde_json::from_value(raw.clone()).ok().map(Self::ListRoots)
        } else {
            CreateMessageResult::deserialize(&raw).ok().map(Self::CreateMessage)
        };
        Ok(known.unwrap_or(Self::Unknown(raw)))
    }
}

wire_struct! {
    /// A server's answer that it needs input first. The client gathers all of it and repeats the
    /// request, under a new id, with the answers and the state. Since 2026-07-28.
    ///
    /// Spec: basic/patterns/mrtr
    pub struct InputRequiredResult {
        required {
            /// Always `input_required`; see [`input_required`](Self::input_required).
            result_type: ResultType = "resultType";
        }
        optional {
            /// What is needed, by names of the server's choice. Absent: just ask again.
            input_requests: Entries<InputRequest> = "inputRequests", with_input_requests;
            /// To be sent back as it is, by the repeated request alone. Opaque.
            request_state: String = "requestState", with_request_state;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl InputRequiredResult {
    /// A result that asks for nothing yet.
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
    /// What a repeated request adds to its parameters. Since 2026-07-28.
    ///
    /// Spec: basic/patterns/mrtr
    #[derive(Default)]
    pub struct InputResponseRequestParams {
        optional {
            /// An answer for each request, under the same names.
            input_responses: Entries<InputResponse> = "inputResponses", with_input_responses;
            /// The state from the result that this answers, unchanged.
            request_state: String = "requestState", with_request_state;
            /// Required.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(InputRequiredResult, InputResponseRequestParams);

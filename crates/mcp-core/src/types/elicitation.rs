use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::{
    Entries, Meta, PrimitiveSchema, WithMeta, meta::with_meta, sampling::client_result,
    tasks_2025_11_25::TaskMetadata,
};
use crate::rpc::from_value;

/// Parameters of `elicitation/create`: requests input from the user. Since 2025-06-18.
///
/// The variant is determined by `mode`, which may be absent for a form.
///
/// Spec: [Elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation)
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElicitRequestParams {
    /// Data, entered in a form.
    Form(ElicitRequestFormParams),
    /// A visit to a web page. Its data do not pass through the client. Since 2025-11-25.
    Url(ElicitRequestUrlParams),
    /// Another mode.
    Other(ElicitRequestOtherParams),
}

impl ElicitRequestParams {
    /// The message to the user.
    pub fn message(&self) -> &str {
        match self {
            Self::Form(form) => &form.message,
            Self::Url(url) => &url.message,
            Self::Other(other) => other.message.as_deref().unwrap_or_default(),
        }
    }
}

impl From<ElicitRequestFormParams> for ElicitRequestParams {
    fn from(form: ElicitRequestFormParams) -> Self {
        Self::Form(form)
    }
}

impl From<ElicitRequestUrlParams> for ElicitRequestParams {
    fn from(url: ElicitRequestUrlParams) -> Self {
        Self::Url(url)
    }
}

impl Serialize for ElicitRequestParams {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Form(form) => form.serialize(serializer),
            Self::Url(url) => url.serialize(serializer),
            Self::Other(other) => other.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ElicitRequestParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Map::deserialize(deserializer)?;
        let mode = match raw.get("mode") {
            None | Some(Value::Null) => ElicitMode::Form,
            Some(mode) => ElicitMode::deserialize(mode).map_err(de::Error::custom)?,
        };
        match mode {
            ElicitMode::Form => from_value(&raw).map(Self::Form),
            ElicitMode::Url => from_value(&raw).map(Self::Url),
            ElicitMode::Other(_) => from_value(&raw).map(Self::Other),
        }
        .map_err(de::Error::custom)
    }
}

impl WithMeta for ElicitRequestParams {
    fn meta(&self) -> Option<&Meta> {
        match self {
            Self::Form(form) => form.meta.as_ref(),
            Self::Url(url) => url.meta.as_ref(),
            Self::Other(other) => other.meta.as_ref(),
        }
    }

    fn meta_mut(&mut self) -> &mut Option<Meta> {
        match self {
            Self::Form(form) => &mut form.meta,
            Self::Url(url) => &mut url.meta,
            Self::Other(other) => &mut other.meta,
        }
    }
}

open_enum! {
    /// The mode of an elicitation. Since 2025-11-25.
    ///
    /// Spec: [Elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation)
    pub enum ElicitMode {
        /// A form.
        Form = "form",
        /// A web page.
        Url = "url",
    }
}

wire_struct! {
    /// Parameters of an elicitation with a form. Since 2025-06-18.
    ///
    /// Spec: [Form mode elicitation
    /// requests](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#form-mode-elicitation-requests)
    pub struct ElicitRequestFormParams {
        required {
            /// The message to the user.
            message: String = "message";
            /// The form.
            requested_schema: ElicitSchema = "requestedSchema";
        }
        optional {
            /// `form`, or absent. Since 2025-11-25.
            mode: ElicitMode = "mode", with_mode;
            /// Requests a task instead of the result. Only in 2025-11-25.
            task: TaskMetadata = "task", with_task;
            /// Metadata. Until 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A form: a flat JSON Schema of fields of simple types, in the order in which they are shown.
    ///
    /// Spec: [Requested
    /// schema](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#requested-schema)
    #[derive(Default)]
    pub struct ElicitSchema {
        tag "type" = "object";
        optional {
            /// The names of the required fields.
            required: Vec<String> = "required", with_required;
            /// The URI of the JSON Schema dialect.
            schema: String = "$schema", with_schema;
        }
        defaulted {
            /// The fields.
            properties: Entries<PrimitiveSchema> = "properties", with_properties;
        }
    }
}

wire_struct! {
    /// Parameters of an elicitation with a web page. Since 2025-11-25.
    ///
    /// Spec: [URL mode elicitation
    /// requests](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#url-mode-elicitation-requests)
    pub struct ElicitRequestUrlParams {
        tag "mode" = "url";
        required {
            /// The message to the user.
            message: String = "message";
            /// The URL of the page. Do not trust it: show it in full, and open it only with the user's consent.
            url: String = "url";
        }
        optional {
            /// The id used in `notifications/elicitation/complete`. Only in 2025-11-25, and required there.
            elicitation_id: String = "elicitationId", with_elicitation_id;
            /// Requests a task instead of the result. Only in 2025-11-25.
            task: TaskMetadata = "task", with_task;
            /// Metadata. Until 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of an elicitation in an unknown mode. Clients should decline it.
    ///
    /// Spec: [Elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation)
    pub struct ElicitRequestOtherParams {
        required {
            /// The mode.
            mode: ElicitMode = "mode";
        }
        optional {
            /// The message to the user.
            message: String = "message", with_message;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

open_enum! {
    /// The user's response to an elicitation.
    ///
    /// Spec: [ElicitResult](https://modelcontextprotocol.io/specification/2026-07-28/schema#elicitresult)
    pub enum ElicitAction {
        /// The user accepted.
        Accept = "accept",
        /// The user declined explicitly.
        Decline = "decline",
        /// The user dismissed the request without a choice.
        Cancel = "cancel",
    }
}

wire_struct! {
    /// The result of `elicitation/create`, sent by the client. Since 2025-06-18.
    ///
    /// Spec: [ElicitResult](https://modelcontextprotocol.io/specification/2026-07-28/schema#elicitresult)
    pub struct ElicitResult {
        required {
            /// The user's response.
            action: ElicitAction = "action";
        }
        optional {
            /// The values of the form: strings, numbers, booleans and lists of strings.
            content: Map<String, Value> = "content", with_content;
            /// Metadata. Until 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// An `elicitation/create` request in an [`InputRequiredResult`](super::InputRequiredResult). Since
    /// 2026-07-28.
    ///
    /// Spec: [Elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation)
    pub struct ElicitRequest {
        tag "method" = "elicitation/create";
        required {
            /// The parameters.
            params: ElicitRequestParams = "params";
        }
    }
}

wire_struct! {
    /// Parameters of `notifications/elicitation/complete`. Only in 2025-11-25.
    ///
    /// Spec: [Elicitation](https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation)
    pub struct ElicitationCompleteNotificationParams {
        required {
            /// The [`ElicitRequestUrlParams::elicitation_id`] of the completed elicitation.
            elicitation_id: String = "elicitationId";
        }
        optional {
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(
    ElicitRequestFormParams,
    ElicitRequestUrlParams,
    ElicitResult,
    ElicitationCompleteNotificationParams,
);
client_result!(ElicitResult);

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::{
    Entries, Meta, PrimitiveSchema, WithMeta, meta::with_meta, sampling::client_result,
    tasks_2025_11_25::TaskMetadata,
};

/// Parameters of `elicitation/create`: asks a person for something.
///
/// Told apart by `mode`, which may be absent for a form. Since 2025-06-18.
///
/// Spec: client/elicitation
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElicitRequestParams {
    /// Data, by a form.
    Form(ElicitRequestFormParams),
    /// A visit to a web page, whose data never pass through the client. Since 2025-11-25.
    Url(ElicitRequestUrlParams),
    /// Another mode.
    Other(ElicitRequestOtherParams),
}

impl ElicitRequestParams {
    /// What to tell the person.
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
        let raw = Value::Object(raw);
        match mode {
            ElicitMode::Form => ElicitRequestFormParams::deserialize(raw).map(Self::Form),
            ElicitMode::Url => ElicitRequestUrlParams::deserialize(raw).map(Self::Url),
            ElicitMode::Other(_) => ElicitRequestOtherParams::deserialize(raw).map(Self::Other),
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
    /// How a person is asked.
    pub enum ElicitMode {
        /// By a form.
        Form = "form",
        /// On a web page.
        Url = "url",
    }
}

wire_struct! {
    /// Asks a person to fill in a form.
    ///
    /// Spec: client/elicitation#form-mode-elicitation-requests
    pub struct ElicitRequestFormParams {
        required {
            /// What to tell the person.
            message: String = "message";
            /// The form.
            requested_schema: ElicitSchema = "requestedSchema";
        }
        optional {
            /// `form` or absent, as before 2025-11-25.
            mode: ElicitMode = "mode", with_mode;
            /// Asks for a task in place of the result. In 2025-11-25 alone.
            task: TaskMetadata = "task", with_task;
            /// Until 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A form: fields of simple types, without nesting, in the order to be shown.
    #[derive(Default)]
    pub struct ElicitSchema {
        tag "type" = "object";
        optional {
            /// The names of the fields that must be filled in.
            required: Vec<String> = "required", with_required;
            /// The dialect of JSON Schema.
            schema: String = "$schema", with_schema;
        }
        defaulted {
            /// The fields.
            properties: Entries<PrimitiveSchema> = "properties", with_properties;
        }
    }
}

wire_struct! {
    /// Asks a person to visit a web page. Since 2025-11-25.
    ///
    /// Spec: client/elicitation#url-mode-elicitation-requests
    pub struct ElicitRequestUrlParams {
        tag "mode" = "url";
        required {
            /// What to tell the person.
            message: String = "message";
            /// The page. Treat it as hostile: show it in full, and open it only if the person agrees.
            url: String = "url";
        }
        optional {
            /// Names this in `notifications/elicitation/complete`. Required in 2025-11-25, and there alone.
            elicitation_id: String = "elicitationId", with_elicitation_id;
            /// Asks for a task in place of the result. In 2025-11-25 alone.
            task: TaskMetadata = "task", with_task;
            /// Until 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Asks a person in a way that this library does not know; decline it.
    pub struct ElicitRequestOtherParams {
        required {
            /// Which way.
            mode: ElicitMode = "mode";
        }
        optional {
            /// What to tell the person.
            message: String = "message", with_message;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

open_enum! {
    /// What a person did when asked.
    pub enum ElicitAction {
        /// Said yes.
        Accept = "accept",
        /// Said no.
        Decline = "decline",
        /// Said nothing, and closed the question.
        Cancel = "cancel",
    }
}

wire_struct! {
    /// The client's answer to `elicitation/create`.
    pub struct ElicitResult {
        required {
            /// What the person did.
            action: ElicitAction = "action";
        }
        optional {
            /// What was filled in: strings, numbers, booleans and lists of strings.
            content: Map<String, Value> = "content", with_content;
            /// Until 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// An `elicitation/create` inside an [`InputRequiredResult`](super::InputRequiredResult).
    pub struct ElicitRequest {
        tag "method" = "elicitation/create";
        required {
            /// What to ask the person.
            params: ElicitRequestParams = "params";
        }
    }
}

wire_struct! {
    /// Parameters of `notifications/elicitation/complete`. In 2025-11-25 alone.
    pub struct ElicitationCompleteNotificationParams {
        required {
            /// The [`ElicitRequestUrlParams::elicitation_id`] that is done with.
            elicitation_id: String = "elicitationId";
        }
        optional {
            /// Anything else there is to say.
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

use serde_json::{Map, Value};

use super::{
    AudioContent, ImageContent, Meta, Number, OneOrMany, Role, TextContent, Tool,
    ToolResultContent, ToolUseContent, meta::with_meta, tasks_2025_11_25::TaskMetadata,
};

tagged_enum! {
    /// One piece of a message to or from a model.
    ///
    /// Spec: client/sampling#message-content
    #[allow(clippy::large_enum_variant, reason = "as for the other content blocks")]
    pub enum SamplingContent by "type" {
        /// Text.
        Text(TextContent) = "text",
        /// A picture.
        Image(ImageContent) = "image",
        /// Sound. Since 2025-03-26.
        Audio(AudioContent) = "audio",
        /// The model wants a tool called. Since 2025-11-25.
        ToolUse(ToolUseContent) = "tool_use",
        /// What the tool answered. Since 2025-11-25.
        ToolResult(ToolResultContent) = "tool_result",
    }
}

impl SamplingContent {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        TextContent::new(text).into()
    }

    /// The text, where this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(content) => Some(&content.text),
            _ => None,
        }
    }
}

impl From<&str> for SamplingContent {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<SamplingContent> for OneOrMany<SamplingContent> {
    fn from(content: SamplingContent) -> Self {
        Self::One(content)
    }
}

impl From<&str> for OneOrMany<SamplingContent> {
    fn from(text: &str) -> Self {
        Self::One(text.into())
    }
}

wire_struct! {
    /// One message of a conversation with a model.
    pub struct SamplingMessage {
        required {
            /// Whose message it is.
            role: Role = "role";
            /// What it says.
            content: OneOrMany<SamplingContent> = "content";
        }
        optional {
            /// Since 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl SamplingMessage {
    /// A message of the user.
    pub fn user(content: impl Into<OneOrMany<SamplingContent>>) -> Self {
        Self::new(Role::User, content)
    }

    /// A message of the model.
    pub fn assistant(content: impl Into<OneOrMany<SamplingContent>>) -> Self {
        Self::new(Role::Assistant, content)
    }
}

open_enum! {
    /// What a server wants put before the model besides the messages.
    pub enum IncludeContext {
        /// Nothing.
        None = "none",
        /// What this server offers. Deprecated since 2025-11-25.
        ThisServer = "thisServer",
        /// What all servers offer. Deprecated since 2025-11-25.
        AllServers = "allServers",
    }
}

open_enum! {
    /// Why a model stopped.
    pub enum StopReason {
        /// It was done.
        EndTurn = "endTurn",
        /// It wrote one of the stop sequences.
        StopSequence = "stopSequence",
        /// It reached the limit.
        MaxTokens = "maxTokens",
        /// It wants a tool called. Since 2025-11-25.
        ToolUse = "toolUse",
    }
}

open_enum! {
    /// Whether a model may, must or must not call tools.
    pub enum ToolChoiceMode {
        /// It may.
        Auto = "auto",
        /// It must call one at least.
        Required = "required",
        /// It must not.
        None = "none",
    }
}

wire_struct! {
    /// How a model is to deal with tools. Since 2025-11-25.
    #[derive(Default)]
    pub struct ToolChoice {
        optional {
            /// Absent means [`ToolChoiceMode::Auto`].
            mode: ToolChoiceMode = "mode", with_mode;
        }
    }
}

wire_struct! {
    /// A wish about which model to use.
    #[derive(Default)]
    pub struct ModelHint {
        optional {
            /// A part of the model's name.
            name: String = "name", with_name;
        }
    }
}

wire_struct! {
    /// What matters in the choice of a model, each from 0 (nothing) to 1 (most of all).
    ///
    /// Spec: client/sampling#model-preferences
    #[derive(Default)]
    pub struct ModelPreferences {
        optional {
            /// Models to try, the first that fits.
            hints: Vec<ModelHint> = "hints", with_hints;
            /// That it is cheap.
            cost_priority: Number = "costPriority", with_cost_priority;
            /// That it is fast.
            speed_priority: Number = "speedPriority", with_speed_priority;
            /// That it is able.
            intelligence_priority: Number = "intelligencePriority", with_intelligence_priority;
        }
    }
}

wire_struct! {
    /// Parameters of `sampling/createMessage`. Deprecated since 2026-07-28.
    ///
    /// Spec: client/sampling#creating-messages
    pub struct CreateMessageRequestParams {
        required {
            /// The conversation so far.
            messages: Vec<SamplingMessage> = "messages";
            /// The most tokens to write.
            max_tokens: i64 = "maxTokens" via Integer;
        }
        optional {
            /// Which model to use.
            model_preferences: ModelPreferences = "modelPreferences", with_model_preferences;
            /// What to tell the model before all else.
            system_prompt: String = "systemPrompt", with_system_prompt;
            /// What else to put before the model.
            include_context: IncludeContext = "includeContext", with_include_context;
            /// How freely to choose words.
            temperature: Number = "temperature", with_temperature;
            /// What to stop at.
            stop_sequences: Vec<String> = "stopSequences", with_stop_sequences;
            /// For the provider of the model.
            metadata: Map<String, Value> = "metadata", with_metadata;
            /// Tools the model may call. Since 2025-11-25.
            tools: Vec<Tool> = "tools", with_tools;
            /// Whether it may, must or must not. Since 2025-11-25.
            tool_choice: ToolChoice = "toolChoice", with_tool_choice;
            /// Asks for a task in place of the result. In 2025-11-25 alone.
            task: TaskMetadata = "task", with_task;
            /// Until 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The client's answer to `sampling/createMessage`.
    pub struct CreateMessageResult {
        required {
            /// Whose message it is.
            role: Role = "role";
            /// What the model wrote.
            content: OneOrMany<SamplingContent> = "content";
            /// Which model it was.
            model: String = "model";
        }
        optional {
            /// Why it stopped, if that is known.
            stop_reason: StopReason = "stopReason", with_stop_reason;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A `sampling/createMessage` inside an [`InputRequiredResult`](super::InputRequiredResult).
    pub struct CreateMessageRequest {
        tag "method" = "sampling/createMessage";
        required {
            /// What to ask the model.
            params: CreateMessageRequestParams = "params";
        }
    }
}

/// Results that clients send: no `resultType` to look at.
macro_rules! client_result {
    ($($name:ty),+ $(,)?) => {
        $( impl $crate::types::MethodResult for $name {
            fn decode(raw: &$crate::RawJson) -> Result<Self, serde_json::Error> {
                raw.decode()
            }
        } )+
    };
}
pub(crate) use client_result;

with_meta!(SamplingMessage, CreateMessageRequestParams, CreateMessageResult);
client_result!(CreateMessageResult);

use serde_json::{Map, Value};

use super::{
    AudioContent, ImageContent, Meta, Number, OneOrMany, Role, TextContent, Tool,
    ToolResultContent, ToolUseContent, meta::with_meta, tasks_2025_11_25::TaskMetadata,
};

tagged_enum! {
    /// One block of the content of a message to or from a model. Deprecated since 2026-07-28.
    ///
    /// Spec: [Message
    /// content](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling#message-content)
    #[allow(clippy::large_enum_variant, reason = "as for `ContentBlock`")]
    pub enum SamplingContent by "type" {
        /// Text.
        Text(TextContent) = "text",
        /// An image.
        Image(ImageContent) = "image",
        /// Audio. Since 2025-03-26.
        Audio(AudioContent) = "audio",
        /// A tool call requested by the model. Since 2025-11-25.
        ToolUse(ToolUseContent) = "tool_use",
        /// The result of a tool call. Since 2025-11-25.
        ToolResult(ToolResultContent) = "tool_result",
    }
}

impl SamplingContent {
    /// Creates a text block.
    pub fn text(text: impl Into<String>) -> Self {
        TextContent::new(text).into()
    }

    /// The text of a text block, or `None` for any other kind.
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
    /// One message of a conversation with a model. Deprecated since 2026-07-28.
    ///
    /// Spec: [Sampling](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling)
    pub struct SamplingMessage {
        required {
            /// The role of the author.
            role: Role = "role";
            /// The content.
            content: OneOrMany<SamplingContent> = "content";
        }
        optional {
            /// Metadata. Since 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl SamplingMessage {
    /// Creates a message of the user.
    pub fn user(content: impl Into<OneOrMany<SamplingContent>>) -> Self {
        Self::new(Role::User, content)
    }

    /// Creates a message of the model.
    pub fn assistant(content: impl Into<OneOrMany<SamplingContent>>) -> Self {
        Self::new(Role::Assistant, content)
    }
}

open_enum! {
    /// The context that a server requests to be included in the prompt. Deprecated since 2026-07-28.
    ///
    /// Spec: [Creating
    /// messages](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling#creating-messages)
    pub enum IncludeContext {
        /// No context.
        None = "none",
        /// The context of this server. Deprecated since 2025-11-25.
        ThisServer = "thisServer",
        /// The context of all servers. Deprecated since 2025-11-25.
        AllServers = "allServers",
    }
}

open_enum! {
    /// The reason why a model stopped. Deprecated since 2026-07-28.
    ///
    /// Spec:
    /// [CreateMessageResult](https://modelcontextprotocol.io/specification/2026-07-28/schema#createmessageresult)
    pub enum StopReason {
        /// The end of the turn.
        EndTurn = "endTurn",
        /// A stop sequence.
        StopSequence = "stopSequence",
        /// The maximum number of tokens.
        MaxTokens = "maxTokens",
        /// A tool call. Since 2025-11-25.
        ToolUse = "toolUse",
    }
}

open_enum! {
    /// Whether a model may call tools. Since 2025-11-25, deprecated since 2026-07-28.
    ///
    /// Spec: [Sampling with
    /// tools](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling#sampling-with-tools)
    pub enum ToolChoiceMode {
        /// The model may call tools.
        Auto = "auto",
        /// The model must call at least one tool.
        Required = "required",
        /// The model must not call tools.
        None = "none",
    }
}

wire_struct! {
    /// How a model uses tools. Since 2025-11-25, deprecated since 2026-07-28.
    ///
    /// Spec: [Sampling with
    /// tools](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling#sampling-with-tools)
    #[derive(Default)]
    pub struct ToolChoice {
        optional {
            /// The mode. Default: [`ToolChoiceMode::Auto`].
            mode: ToolChoiceMode = "mode", with_mode;
        }
    }
}

wire_struct! {
    /// A hint for the selection of a model. Deprecated since 2026-07-28.
    ///
    /// Spec: [Model
    /// preferences](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling#model-preferences)
    #[derive(Default)]
    pub struct ModelHint {
        optional {
            /// A part of the name of the model.
            name: String = "name", with_name;
        }
    }
}

wire_struct! {
    /// Preferences for the selection of a model. Priorities are from 0 (not important) to 1 (most important).
    /// Deprecated since 2026-07-28.
    ///
    /// Spec: [Model
    /// preferences](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling#model-preferences)
    #[derive(Default)]
    pub struct ModelPreferences {
        optional {
            /// Hints in order of preference.
            hints: Vec<ModelHint> = "hints", with_hints;
            /// The priority of low cost.
            cost_priority: Number = "costPriority", with_cost_priority;
            /// The priority of low latency.
            speed_priority: Number = "speedPriority", with_speed_priority;
            /// The priority of advanced capabilities.
            intelligence_priority: Number = "intelligencePriority", with_intelligence_priority;
        }
    }
}

wire_struct! {
    /// Parameters of `sampling/createMessage`. Deprecated since 2026-07-28.
    ///
    /// Spec: [Creating
    /// messages](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling#creating-messages)
    pub struct CreateMessageRequestParams {
        required {
            /// The conversation so far.
            messages: Vec<SamplingMessage> = "messages";
            /// The maximum number of tokens to generate.
            max_tokens: i64 = "maxTokens" via Integer;
        }
        optional {
            /// Preferences for the selection of the model.
            model_preferences: ModelPreferences = "modelPreferences", with_model_preferences;
            /// The system prompt.
            system_prompt: String = "systemPrompt", with_system_prompt;
            /// The context to be included in the prompt.
            include_context: IncludeContext = "includeContext", with_include_context;
            /// The sampling temperature.
            temperature: Number = "temperature", with_temperature;
            /// Texts at which the model stops.
            stop_sequences: Vec<String> = "stopSequences", with_stop_sequences;
            /// Parameters for the provider of the model.
            metadata: Map<String, Value> = "metadata", with_metadata;
            /// The tools that the model may call. Since 2025-11-25.
            tools: Vec<Tool> = "tools", with_tools;
            /// Whether the model may call tools. Since 2025-11-25.
            tool_choice: ToolChoice = "toolChoice", with_tool_choice;
            /// Requests a task instead of the result. Only in 2025-11-25.
            task: TaskMetadata = "task", with_task;
            /// Metadata. Until 2025-11-25.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The result of `sampling/createMessage`, sent by the client. Deprecated since 2026-07-28.
    ///
    /// Spec:
    /// [CreateMessageResult](https://modelcontextprotocol.io/specification/2026-07-28/schema#createmessageresult)
    pub struct CreateMessageResult {
        required {
            /// The role of the author.
            role: Role = "role";
            /// The content generated by the model.
            content: OneOrMany<SamplingContent> = "content";
            /// The name of the model.
            model: String = "model";
        }
        optional {
            /// The reason why the model stopped, if it is known.
            stop_reason: StopReason = "stopReason", with_stop_reason;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A `sampling/createMessage` request in an [`InputRequiredResult`](super::InputRequiredResult). Since
    /// 2026-07-28, deprecated.
    ///
    /// Spec: [Sampling](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling)
    pub struct CreateMessageRequest {
        tag "method" = "sampling/createMessage";
        required {
            /// The parameters.
            params: CreateMessageRequestParams = "params";
        }
    }
}

/// Implements `MethodResult` for results of clients, which have no `resultType`.
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

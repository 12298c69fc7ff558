use serde_json::{Map, Value};

use super::{Annotations, Icon, Meta, ResourceContents};

tagged_enum! {
    /// One piece of what a tool or a prompt has to say.
    ///
    /// Spec: server/tools#tool-result
    #[allow(clippy::large_enum_variant, reason = "text is the common case and a box for each costs more")]
    pub enum ContentBlock by "type" {
        /// Text.
        Text(TextContent) = "text",
        /// A picture.
        Image(ImageContent) = "image",
        /// Sound. Since 2025-03-26.
        Audio(AudioContent) = "audio",
        /// A resource that can be read. Since 2025-06-18.
        ResourceLink(ResourceLink) = "resource_link",
        /// A resource, contents included.
        Resource(EmbeddedResource) = "resource",
    }
}

impl ContentBlock {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        TextContent::new(text).into()
    }

    /// A picture, its bytes in base64.
    pub fn image(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        ImageContent::new(data, mime_type).into()
    }

    /// Sound, its bytes in base64.
    pub fn audio(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        AudioContent::new(data, mime_type).into()
    }

    /// A resource, contents included.
    pub fn resource(resource: impl Into<ResourceContents>) -> Self {
        EmbeddedResource::new(resource).into()
    }

    /// The text, where this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(content) => Some(&content.text),
            _ => None,
        }
    }
}

impl From<&str> for ContentBlock {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for ContentBlock {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

wire_struct! {
    /// Text.
    pub struct TextContent {
        tag "type" = "text";
        required {
            /// The text.
            text: String = "text";
        }
        optional {
            /// Hints for its use.
            annotations: Annotations = "annotations", with_annotations;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A picture.
    pub struct ImageContent {
        tag "type" = "image";
        required {
            /// Its bytes in base64. Not decoded.
            data: String = "data";
            /// Such as `image/png`.
            mime_type: String = "mimeType";
        }
        optional {
            /// Hints for its use.
            annotations: Annotations = "annotations", with_annotations;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Sound. Since 2025-03-26.
    pub struct AudioContent {
        tag "type" = "audio";
        required {
            /// Its bytes in base64. Not decoded.
            data: String = "data";
            /// Such as `audio/wav`.
            mime_type: String = "mimeType";
        }
        optional {
            /// Hints for its use.
            annotations: Annotations = "annotations", with_annotations;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A resource that can be read, which need not be in the server's list. Since 2025-06-18.
    pub struct ResourceLink {
        tag "type" = "resource_link";
        required {
            /// Where it is. Not parsed.
            uri: String = "uri";
            /// Its name for programs.
            name: String = "name";
        }
        optional {
            /// Its name for people.
            title: String = "title", with_title;
            /// What it holds.
            description: String = "description", with_description;
            /// The type of its contents.
            mime_type: String = "mimeType", with_mime_type;
            /// Bytes of the contents, before any encoding.
            size: i64 = "size" via Integer, with_size;
            /// Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Hints for its use.
            annotations: Annotations = "annotations", with_annotations;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A resource, contents included.
    pub struct EmbeddedResource {
        tag "type" = "resource";
        required {
            /// The contents.
            resource: ResourceContents = "resource";
        }
        optional {
            /// Hints for its use.
            annotations: Annotations = "annotations", with_annotations;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A model's wish to call a tool. Since 2025-11-25.
    ///
    /// Spec: client/sampling#sampling-with-tools
    pub struct ToolUseContent {
        tag "type" = "tool_use";
        required {
            /// Names this call in the answer.
            id: String = "id";
            /// The tool.
            name: String = "name";
            /// The arguments.
            input: Map<String, Value> = "input";
        }
        optional {
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// What a tool answered to a model. Since 2025-11-25.
    ///
    /// Spec: client/sampling#sampling-with-tools
    pub struct ToolResultContent {
        tag "type" = "tool_result";
        required {
            /// The [`ToolUseContent::id`] that this answers.
            tool_use_id: String = "toolUseId";
        }
        optional {
            /// The result as data; `Some(Value::Null)` is a result of `null`.
            structured_content: Value = "structuredContent" via Nullable, with_structured_content;
            /// Whether the tool failed.
            is_error: bool = "isError", with_is_error;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
        defaulted {
            /// The result for people and models.
            content: Vec<ContentBlock> = "content", with_content;
        }
    }
}

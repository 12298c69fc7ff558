use serde_json::{Map, Value};

use super::{Annotations, Icon, Meta, ResourceContents};

tagged_enum! {
    /// One block of the content of a tool result or a prompt message.
    ///
    /// ```
    /// use mcp_core::ContentBlock;
    ///
    /// let block: ContentBlock = serde_json::from_str(r#"{"type": "text", "text": "42"}"#)?;
    /// assert_eq!(block, ContentBlock::text("42"));
    /// assert_eq!(block.as_text(), Some("42"));
    /// match block {
    ///     ContentBlock::Text(content) => println!("{}", content.text),
    ///     ContentBlock::Image(content) => println!("image of type {}", content.mime_type),
    ///     other => println!("content of kind {}", other.kind()),
    /// }
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// Spec: [Tool result](https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool-result)
    #[allow(clippy::large_enum_variant, reason = "text is the common case, and boxing it costs more")]
    pub enum ContentBlock by "type" {
        /// Text.
        Text(TextContent) = "text",
        /// An image.
        Image(ImageContent) = "image",
        /// Audio. Since 2025-03-26.
        Audio(AudioContent) = "audio",
        /// A link to a resource that can be read. Since 2025-06-18.
        ResourceLink(ResourceLink) = "resource_link",
        /// A resource with its contents.
        Resource(EmbeddedResource) = "resource",
    }
}

impl ContentBlock {
    /// Creates a text block.
    pub fn text(text: impl Into<String>) -> Self {
        TextContent::new(text).into()
    }

    /// Creates an image block. `data` is in base64.
    pub fn image(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        ImageContent::new(data, mime_type).into()
    }

    /// Creates an audio block. `data` is in base64.
    pub fn audio(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        AudioContent::new(data, mime_type).into()
    }

    /// Creates a block of a resource with its contents.
    pub fn resource(resource: impl Into<ResourceContents>) -> Self {
        EmbeddedResource::new(resource).into()
    }

    /// The text of a text block, or `None` for any other kind.
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
    /// Text content.
    ///
    /// Spec: [Text content](https://modelcontextprotocol.io/specification/2026-07-28/schema#textcontent)
    pub struct TextContent {
        tag "type" = "text";
        required {
            /// The text.
            text: String = "text";
        }
        optional {
            /// Hints for the use of the content.
            annotations: Annotations = "annotations", with_annotations;
            /// Metadata. Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Image content.
    ///
    /// Spec: [Image content](https://modelcontextprotocol.io/specification/2026-07-28/schema#imagecontent)
    pub struct ImageContent {
        tag "type" = "image";
        required {
            /// The data in base64. Not decoded.
            data: String = "data";
            /// The MIME type, such as `image/png`.
            mime_type: String = "mimeType";
        }
        optional {
            /// Hints for the use of the content.
            annotations: Annotations = "annotations", with_annotations;
            /// Metadata. Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Audio content. Since 2025-03-26.
    ///
    /// Spec: [Audio content](https://modelcontextprotocol.io/specification/2026-07-28/schema#audiocontent)
    pub struct AudioContent {
        tag "type" = "audio";
        required {
            /// The data in base64. Not decoded.
            data: String = "data";
            /// The MIME type, such as `audio/wav`.
            mime_type: String = "mimeType";
        }
        optional {
            /// Hints for the use of the content.
            annotations: Annotations = "annotations", with_annotations;
            /// Metadata. Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A link to a resource that can be read. It need not be in the list of the server. Since 2025-06-18.
    ///
    /// Spec: [Resource link](https://modelcontextprotocol.io/specification/2026-07-28/schema#resourcelink)
    pub struct ResourceLink {
        tag "type" = "resource_link";
        required {
            /// The URI. Not parsed.
            uri: String = "uri";
            /// The programmatic name.
            name: String = "name";
        }
        optional {
            /// The human-readable name.
            title: String = "title", with_title;
            /// The description of the contents.
            description: String = "description", with_description;
            /// The MIME type of the contents.
            mime_type: String = "mimeType", with_mime_type;
            /// The size of the contents in bytes, before any encoding.
            size: i64 = "size" via Integer, with_size;
            /// Icons to be shown to users. Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Hints for the use of the content.
            annotations: Annotations = "annotations", with_annotations;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A resource with its contents.
    ///
    /// Spec: [Embedded
    /// resource](https://modelcontextprotocol.io/specification/2026-07-28/schema#embeddedresource)
    pub struct EmbeddedResource {
        tag "type" = "resource";
        required {
            /// The contents.
            resource: ResourceContents = "resource";
        }
        optional {
            /// Hints for the use of the content.
            annotations: Annotations = "annotations", with_annotations;
            /// Metadata. Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// A tool call requested by a model. Since 2025-11-25, deprecated since 2026-07-28.
    ///
    /// Spec: [Sampling with
    /// tools](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling#sampling-with-tools)
    pub struct ToolUseContent {
        tag "type" = "tool_use";
        required {
            /// The id of the call, repeated in its [`ToolResultContent`].
            id: String = "id";
            /// The name of the tool.
            name: String = "name";
            /// The arguments.
            input: Map<String, Value> = "input";
        }
        optional {
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The result of a tool call requested by a model. Since 2025-11-25, deprecated since 2026-07-28.
    ///
    /// Spec: [Sampling with
    /// tools](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling#sampling-with-tools)
    pub struct ToolResultContent {
        tag "type" = "tool_result";
        required {
            /// The [`ToolUseContent::id`] of the call.
            tool_use_id: String = "toolUseId";
        }
        optional {
            /// The structured result. `Some(Value::Null)` is the result `null`.
            structured_content: Value = "structuredContent" via Nullable, with_structured_content;
            /// Whether the tool failed. Default: false.
            is_error: bool = "isError", with_is_error;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
        defaulted {
            /// The result as content blocks.
            content: Vec<ContentBlock> = "content", with_content;
        }
    }
}

use std::{fmt, sync::LazyLock};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    CacheScope, ContentBlock, Entries, Icon, InputResponse, LenientList, Meta, ResultType,
    meta::with_meta,
    results::{cacheable, page, server_result},
    tasks_2025_11_25::{TaskMetadata, ToolExecution},
};

wire_struct! {
    /// A tool that a server offers.
    ///
    /// ```
    /// use mcp_core::{Tool, ToolAnnotations};
    ///
    /// let schema: serde_json::Map<_, _> = serde_json::from_str(r#"{"type": "object"}"#)?;
    /// let tool = Tool::new("roll_dice", schema)
    ///     .with_description("Rolls a die")
    ///     .with_annotations(ToolAnnotations::new().with_read_only_hint(true));
    /// assert_eq!(tool.display_name(), "roll_dice");
    /// assert!(tool.hints().is_read_only());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// Spec: [Tool](https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool)
    pub struct Tool {
        required {
            /// The unique name, used in `tools/call`.
            name: String = "name";
            /// The JSON Schema of the arguments, with `"type": "object"` at the root. The order of keys is
            /// preserved.
            input_schema: Map<String, Value> = "inputSchema";
        }
        optional {
            /// The human-readable name. Since 2025-06-18.
            title: String = "title", with_title;
            /// The description, for users and models.
            description: String = "description", with_description;
            /// The JSON Schema of [`CallToolResult::structured_content`]. Since 2025-06-18.
            output_schema: Map<String, Value> = "outputSchema", with_output_schema;
            /// Hints about its behaviour. Since 2025-03-26.
            annotations: ToolAnnotations = "annotations", with_annotations;
            /// Icons to be shown to users. Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Whether it can run as a task. Only in 2025-11-25.
            execution: ToolExecution = "execution", with_execution;
            /// Metadata. Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl Tool {
    /// The name to be shown to users: the title, the title of the annotations, or the name.
    pub fn display_name(&self) -> &str {
        let annotated = || self.annotations.as_ref().and_then(|hints| hints.title.as_deref());
        self.title.as_deref().or_else(annotated).unwrap_or(&self.name)
    }

    /// The hints about its behaviour. A tool without annotations has the [defaults](ToolAnnotations) of the
    /// protocol.
    pub fn hints(&self) -> &ToolAnnotations {
        static DEFAULTS: LazyLock<ToolAnnotations> = LazyLock::new(ToolAnnotations::default);
        self.annotations.as_ref().unwrap_or(&DEFAULTS)
    }
}

wire_struct! {
    /// Hints about the behaviour of a tool. Do not base security decisions on them unless the server is
    /// trusted. Since 2025-03-26.
    ///
    /// Spec: [ToolAnnotations](https://modelcontextprotocol.io/specification/2026-07-28/schema#toolannotations)
    #[derive(Default)]
    pub struct ToolAnnotations {
        optional {
            /// The human-readable name.
            title: String = "title", with_title;
            /// The tool does not modify its environment. Default: false.
            read_only_hint: bool = "readOnlyHint", with_read_only_hint;
            /// The tool may perform destructive updates. Default: true.
            destructive_hint: bool = "destructiveHint", with_destructive_hint;
            /// A repeated call with the same arguments has no further effect. Default: false.
            idempotent_hint: bool = "idempotentHint", with_idempotent_hint;
            /// The tool interacts with external entities, such as the web. Default: true.
            open_world_hint: bool = "openWorldHint", with_open_world_hint;
        }
    }
}

impl ToolAnnotations {
    /// Whether the tool declares that it does not modify its environment. Default: false.
    pub fn is_read_only(&self) -> bool {
        self.read_only_hint.unwrap_or(false)
    }

    /// Whether the tool may perform destructive updates. Default: true, unless it is read-only.
    pub fn is_destructive(&self) -> bool {
        !self.is_read_only() && self.destructive_hint.unwrap_or(true)
    }

    /// Whether a repeated call with the same arguments has no further effect. Default: false, unless it is
    /// read-only.
    pub fn is_idempotent(&self) -> bool {
        self.is_read_only() || self.idempotent_hint.unwrap_or(false)
    }

    /// Whether the tool interacts with external entities. Default: true.
    pub fn is_open_world(&self) -> bool {
        self.open_world_hint.unwrap_or(true)
    }
}

wire_struct! {
    /// The result of `tools/list`: one page.
    ///
    /// Spec: [Listing tools](https://modelcontextprotocol.io/specification/2026-07-28/server/tools#listing-tools)
    pub struct ListToolsResult {
        required {
            /// The tools of this page.
            tools: LenientList<Tool> = "tools";
        }
        optional {
            /// The cursor of the next page, opaque. Absent on the last page.
            next_cursor: String = "nextCursor", with_next_cursor;
            /// How long the result is fresh, in milliseconds; see [`Cacheable`](super::Cacheable). Since
            /// 2026-07-28.
            ttl_ms: i64 = "ttlMs" via Milliseconds, with_ttl_ms;
            /// Who may share the cached result. Since 2026-07-28.
            cache_scope: CacheScope = "cacheScope" via Hint, with_cache_scope;
            /// The kind of the result. Since 2026-07-28. Default: complete.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `tools/call`.
    ///
    /// Spec: [Calling tools](https://modelcontextprotocol.io/specification/2026-07-28/server/tools#calling-tools)
    pub struct CallToolRequestParams {
        required {
            /// The name of the tool.
            name: String = "name";
        }
        optional {
            /// The arguments.
            arguments: Map<String, Value> = "arguments", with_arguments;
            /// Requests a task instead of the result. Only in 2025-11-25; the response is then a
            /// [`CreateTaskResult`](super::tasks_2025_11_25::CreateTaskResult).
            task: TaskMetadata = "task", with_task;
            /// The responses to the input requests of the previous result, by their names. Since 2026-07-28.
            input_responses: Entries<InputResponse> = "inputResponses", with_input_responses;
            /// The state of the previous result, unchanged. Since 2026-07-28.
            request_state: String = "requestState", with_request_state;
            /// Metadata. Required since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The result of `tools/call`. A failed tool returns a result too; see
    /// [`into_result`](Self::into_result).
    ///
    /// ```
    /// use mcp_core::CallToolResult;
    ///
    /// let text = r#"{"content": [{"type": "text", "text": "42"}], "structuredContent": [4, 2]}"#;
    /// let result: CallToolResult = serde_json::from_str(text)?;
    /// let result = result.into_result()?;
    /// assert_eq!(result.text(), "42");
    /// assert_eq!(result.structured::<Vec<u8>>()?, [4, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Spec: [Tool result](https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool-result)
    #[derive(Default)]
    pub struct CallToolResult {
        optional {
            /// The structured result. `Some(Value::Null)` is the result `null`. Since 2025-06-18.
            structured_content: Value = "structuredContent" via Nullable, with_structured_content;
            /// Whether the tool failed. Default: false.
            is_error: bool = "isError", with_is_error;
            /// The kind of the result. Since 2026-07-28. Default: complete.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
        defaulted {
            /// The result as content blocks.
            content: Vec<ContentBlock> = "content", with_content;
        }
    }
}

impl CallToolResult {
    /// Creates a result with one text block.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self::new().with_content([ContentBlock::text(text)])
    }

    /// Creates the result of a failed tool with one text block.
    pub fn error(text: impl Into<String>) -> Self {
        Self::from_text(text).with_is_error(true)
    }

    /// Whether the tool failed. An absent `isError` is false.
    pub fn is_error(&self) -> bool {
        self.is_error == Some(true)
    }

    /// The text of all text blocks, joined by line breaks.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.content.iter().filter_map(ContentBlock::as_text).collect();
        texts.join("\n")
    }

    /// Converts the result of a failed tool into an error.
    ///
    /// # Errors
    /// If [`is_error`](Self::is_error()) is true.
    pub fn into_result(self) -> Result<Self, ToolError> {
        if self.is_error() { Err(ToolError(Box::new(self))) } else { Ok(self) }
    }

    /// Decodes the structured content as `T`. Absent content is decoded as `null`.
    ///
    /// # Errors
    /// If it cannot be deserialized as `T`.
    pub fn structured<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(self.structured_content.as_ref().unwrap_or(&Value::Null))
    }
}

/// The error of a failed tool. `Display` prints the text of its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError(Box<CallToolResult>);

impl ToolError {
    /// The result of the tool.
    pub fn result(&self) -> &CallToolResult {
        &self.0
    }

    /// Converts it into the result of the tool.
    pub fn into_result(self) -> CallToolResult {
        *self.0
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.text();
        f.write_str(if text.is_empty() { "the tool failed without a text" } else { &text })
    }
}

impl std::error::Error for ToolError {}

impl crate::PublicError for ToolError {}

with_meta!(CallToolRequestParams);
server_result!(ListToolsResult, CallToolResult);
cacheable!(ListToolsResult);
page!(ListToolsResult of Tool = tools by name);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn debug_reads_like_the_json() {
        let text = r#"{"content":[{"type":"text","text":"42"}],"isError":true,"x-more":1.5}"#;
        let result: CallToolResult = serde_json::from_str(text).unwrap();
        assert!(result.is_error());
        assert_eq!(format!("{result:?}"), format!("CallToolResult {text}"));
        assert!(format!("{result:#?}").contains("\n  \"isError\": true"));
        assert!(!CallToolResult::from_text("x").is_error());
    }

    #[test]
    fn the_result_of_a_failed_tool_converts_into_an_error() {
        let failed = CallToolResult::error("no such book").with_content([
            ContentBlock::text("no such book"),
            ContentBlock::image("AA==", "image/png"),
            ContentBlock::text("try another"),
        ]);
        let error = failed.clone().into_result().unwrap_err();
        assert_eq!(error.to_string(), "no such book\ntry another");
        assert_eq!(error.into_result(), failed);
        assert!(CallToolResult::from_text("x").with_is_error(false).into_result().is_ok());
    }

    #[test]
    fn tools_without_annotations_count_as_destructive() {
        let read = |text: &str| serde_json::from_str::<Tool>(text).unwrap();
        let plain = read(r#"{"name":"a","inputSchema":{}}"#);
        let hints = plain.hints();
        assert!(hints.is_destructive() && hints.is_open_world());
        assert!(!hints.is_read_only() && !hints.is_idempotent());
        let reading = read(
            r#"{"name":"a","inputSchema":{},"annotations":{"readOnlyHint":true,
                "destructiveHint":true,"openWorldHint":false}}"#,
        );
        let hints = reading.hints();
        assert!(hints.is_read_only() && hints.is_idempotent());
        assert!(!hints.is_destructive() && !hints.is_open_world());
        let writing =
            read(r#"{"name":"a","inputSchema":{},"annotations":{"destructiveHint":false}}"#);
        assert!(!writing.hints().is_destructive() && !writing.hints().is_read_only());
    }

    #[test]
    fn the_display_name_is_the_title_the_annotated_title_or_the_name() {
        let hints = ToolAnnotations::new().with_title("hint");
        let tool = Tool::new("name", Map::new());
        assert_eq!(tool.display_name(), "name");
        let tool = tool.with_annotations(hints);
        assert_eq!(tool.display_name(), "hint");
        assert_eq!(tool.with_title("title").display_name(), "title");
    }

    #[test]
    fn structured_content_of_null_is_not_absent() {
        let null: CallToolResult =
            serde_json::from_str(r#"{"content":[],"structuredContent":null}"#).unwrap();
        assert_eq!(null.structured_content, Some(Value::Null));
        assert_eq!(
            serde_json::to_string(&null).unwrap(),
            r#"{"content":[],"structuredContent":null}"#
        );
        let absent: CallToolResult = serde_json::from_str("{}").unwrap();
        assert_eq!(absent.structured_content, None);
        let data = CallToolResult::new().with_structured_content(json!([1, 2]));
        assert_eq!(data.structured::<Vec<u8>>().unwrap(), [1, 2]);
        assert!(absent.structured::<Vec<u8>>().is_err());
    }

    #[test]
    fn an_invalid_tool_is_skipped_and_the_others_are_listed() {
        let text = r#"{"tools":[{"name":"a","inputSchema":{"type":"object"}},{"name":5},
            {"name":"b","inputSchema":{"type":"object"},"annotations":null}],"nextCursor":""}"#;
        let result: ListToolsResult = serde_json::from_str(text).unwrap();
        let names: Vec<_> = result.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(result.next_cursor.as_deref(), Some(""));
        let [skipped] = result.tools.skipped() else { panic!("{:?}", result.tools.skipped()) };
        assert_eq!((skipped.index, skipped.raw.as_bytes()), (1, &br#"{"name":5}"#[..]));
        assert!(skipped.reason.contains("invalid type"), "{}", skipped.reason);
    }
}

use std::{fmt, sync::LazyLock};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    CacheScope, ContentBlock, Entries, Icon, InputResponse, List, Meta, ResultType,
    meta::with_meta,
    results::{cacheable, page, server_result},
    tasks_2025_11_25::{TaskMetadata, ToolExecution},
};

wire_struct! {
    /// Something a server lets be called.
    ///
    /// Spec: server/tools#tool
    ///
    /// ```
    /// use mcp_core::{Tool, ToolAnnotations};
    ///
    /// let schema: serde_json::Map<_, _> = serde_json::from_str(r#"{"type": "object"}"#)?;
    /// let tool = Tool::new("roll_dice", schema)
    ///     .with_description("Rolls a die")
    ///     .with_annotations(ToolAnnotations::new().with_read_only_hint(true));
    /// assert_eq!(tool.display_name(), "roll_dice");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Tool {
        required {
            /// Its name, by which it is called.
            name: String = "name";
            /// The JSON Schema of its arguments, with `"type": "object"` at the root. The order of its
            /// keys is kept.
            input_schema: Map<String, Value> = "inputSchema";
        }
        optional {
            /// Its name for people. Since 2025-06-18.
            title: String = "title", with_title;
            /// What it does, for people and models.
            description: String = "description", with_description;
            /// The JSON Schema of [`CallToolResult::structured_content`]. Since 2025-06-18.
            output_schema: Map<String, Value> = "outputSchema", with_output_schema;
            /// How it behaves, by its own account. Since 2025-03-26.
            annotations: ToolAnnotations = "annotations", with_annotations;
            /// Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Whether it can run as a task. In 2025-11-25 alone.
            execution: ToolExecution = "execution", with_execution;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl Tool {
    /// What to show to people: the title, the annotations' title, or else the name.
    pub fn display_name(&self) -> &str {
        let annotated = || self.annotations.as_ref().and_then(|hints| hints.title.as_deref());
        self.title.as_deref().or_else(annotated).unwrap_or(&self.name)
    }

    /// How it behaves, by its own account; a tool that says nothing has the
    /// [defaults](ToolAnnotations) of the protocol.
    pub fn hints(&self) -> &ToolAnnotations {
        static SILENT: LazyLock<ToolAnnotations> = LazyLock::new(ToolAnnotations::default);
        self.annotations.as_ref().unwrap_or(&SILENT)
    }
}

wire_struct! {
    /// How a tool behaves, by its own account: hints, on which no decision about safety may rest
    /// unless the server is trusted. Since 2025-03-26.
    #[derive(Default)]
    pub struct ToolAnnotations {
        optional {
            /// Its name for people.
            title: String = "title", with_title;
            /// It changes nothing. Absent means false.
            read_only_hint: bool = "readOnlyHint", with_read_only_hint;
            /// It may destroy something. Absent means true.
            destructive_hint: bool = "destructiveHint", with_destructive_hint;
            /// A second call with the same arguments changes nothing more. Absent means false.
            idempotent_hint: bool = "idempotentHint", with_idempotent_hint;
            /// It deals with the world outside, such as the web. Absent means true.
            open_world_hint: bool = "openWorldHint", with_open_world_hint;
        }
    }
}

impl ToolAnnotations {
    /// Whether it says that it changes nothing. Default: no.
    ///
    /// Spec: schema#toolannotations
    pub fn is_read_only(&self) -> bool {
        self.read_only_hint.unwrap_or(false)
    }

    /// Whether it may destroy something, as far as it says. Default: yes, unless it is read-only.
    pub fn is_destructive(&self) -> bool {
        !self.is_read_only() && self.destructive_hint.unwrap_or(true)
    }

    /// Whether it says that a second call with the same arguments changes nothing more. Default: no,
    /// unless it is read-only.
    pub fn is_idempotent(&self) -> bool {
        self.is_read_only() || self.idempotent_hint.unwrap_or(false)
    }

    /// Whether it deals with the world outside, as far as it says. Default: yes.
    pub fn is_open_world(&self) -> bool {
        self.open_world_hint.unwrap_or(true)
    }
}

wire_struct! {
    /// The answer to `tools/list`.
    pub struct ListToolsResult {
        required {
            /// This page of the tools.
            tools: List<Tool> = "tools";
        }
        optional {
            /// Where the next page begins. Opaque.
            next_cursor: String = "nextCursor", with_next_cursor;
            /// Milliseconds for which the result is fresh; see [`Cacheable`](super::Cacheable).
            ttl_ms: i64 = "ttlMs" via Integer, with_ttl_ms;
            /// Who may share it.
            cache_scope: CacheScope = "cacheScope", with_cache_scope;
            /// Since 2026-07-28.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `tools/call`.
    ///
    /// Spec: server/tools#calling-tools
    pub struct CallToolRequestParams {
        required {
            /// Which tool.
            name: String = "name";
        }
        optional {
            /// Its arguments.
            arguments: Map<String, Value> = "arguments", with_arguments;
            /// Asks for a task in place of the result. In 2025-11-25 alone; the answer is then a
            /// [`CreateTaskResult`](super::tasks_2025_11_25::CreateTaskResult).
            task: TaskMetadata = "task", with_task;
            /// Answers to what the server asked for in the round before. Since 2026-07-28.
            input_responses: Entries<InputResponse> = "inputResponses", with_input_responses;
            /// What the server said in the round before, unchanged. Since 2026-07-28.
            request_state: String = "requestState", with_request_state;
            /// Required since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The answer to `tools/call`. A tool that failed answers too: see [`into_result`](Self::into_result).
    ///
    /// Spec: server/tools#tool-result
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
    #[derive(Default)]
    pub struct CallToolResult {
        optional {
            /// The result as data; `Some(Value::Null)` is a result of `null`. Since 2025-06-18.
            structured_content: Value = "structuredContent" via Nullable, with_structured_content;
            /// Whether the tool failed. Absent means that it did not.
            is_error: bool = "isError", with_is_error;
            /// Since 2026-07-28.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
        defaulted {
            /// The result for people and models.
            content: Vec<ContentBlock> = "content", with_content;
        }
    }
}

impl CallToolResult {
    /// A result that is one piece of text.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self::new().with_content([ContentBlock::text(text)])
    }

    /// The failure of a tool, told in one piece of text.
    pub fn error(text: impl Into<String>) -> Self {
        Self::from_text(text).with_is_error(true)
    }

    /// The text of all the text blocks, a line break between two.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.content.iter().filter_map(ContentBlock::as_text).collect();
        texts.join("\n")
    }

    /// Makes an error of the result of a tool that failed.
    ///
    /// # Errors
    /// When [`is_error`](Self::is_error) is true.
    pub fn into_result(self) -> Result<Self, ToolError> {
        if self.is_error == Some(true) { Err(ToolError(Box::new(self))) } else { Ok(self) }
    }

    /// Reads the structured content as `T`.
    ///
    /// # Errors
    /// When it has another shape. Absent content is read as `null`.
    pub fn structured<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(self.structured_content.as_ref().unwrap_or(&Value::Null))
    }
}

/// A tool ran and failed. Shows the text that the tool gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError(Box<CallToolResult>);

impl ToolError {
    /// The whole result.
    pub fn result(&self) -> &CallToolResult {
        &self.0
    }

    /// Takes the whole result.
    pub fn into_result(self) -> CallToolResult {
        *self.0
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.text();
        f.write_str(if text.is_empty() { "the tool failed and gave no text" } else { &text })
    }
}

impl std::error::Error for ToolError {}

with_meta!(CallToolRequestParams);
server_result!(ListToolsResult, CallToolResult);
cacheable!(ListToolsResult);
page!(ListToolsResult of Tool = tools);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failed_tool_is_a_result_that_turns_into_an_error() {
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
    fn silent_tools_count_as_dangerous() {
        let read = |text: &str| serde_json::from_str::<Tool>(text).unwrap();
        let silent = read(r#"{"name":"a","inputSchema":{}}"#);
        let hints = silent.hints();
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
    fn names_for_people_have_an_order() {
        let hints = ToolAnnotations::new().with_title("hint");
        let tool = Tool::new("name", Map::new());
        assert_eq!(tool.display_name(), "name");
        let tool = tool.with_annotations(hints);
        assert_eq!(tool.display_name(), "hint");
        assert_eq!(tool.with_title("title").display_name(), "title");
    }

    #[test]
    fn structured_null_is_not_absent() {
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
    fn one_broken_tool_does_not_lose_the_list() {
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

/// The API of a language model, which determines the JSON of declarations, replies and results.
///
/// ```
/// use mcp_agent::Api;
/// use serde_json::json;
///
/// let reply = json!({"content": [
///     {"type": "tool_use", "id": "toolu_1", "name": "search", "input": {"query": "Dune"}},
/// ]});
/// let calls = Api::Anthropic.tool_calls(&reply)?;
/// assert_eq!(calls[0].name, "search");
/// assert_eq!(calls[0].arguments, r#"{"query":"Dune"}"#);
/// # Ok::<(), mcp_agent::AgentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "provider")]
#[non_exhaustive]
pub enum Api {
    /// OpenAI Chat Completions, and the many services with a compatible API.
    OpenAiChat,
    /// OpenAI Responses.
    OpenAiResponses,
    /// Anthropic Messages.
    #[doc(alias = "claude")]
    Anthropic,
    /// `generateContent` of Gemini, in the Gemini API and in Vertex AI.
    Gemini,
}

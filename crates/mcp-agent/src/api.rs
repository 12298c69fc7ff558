/// The API of a language model, whose shapes are written and read.
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
    /// Chat Completions of OpenAI, and of the many services that have the same API.
    OpenAiChat,
    /// Responses of OpenAI.
    OpenAiResponses,
    /// Messages of Anthropic.
    #[doc(alias = "claude")]
    Anthropic,
    /// `generateContent` of Gemini, in the Gemini API and in Vertex AI.
    Gemini,
}

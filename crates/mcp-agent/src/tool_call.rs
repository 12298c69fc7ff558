use serde_json::Value;

use crate::{
    api::Api,
    error::{AgentError, AgentErrorKind},
};

/// A tool call requested by a model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCall {
    /// The id of the call, for its result. Empty if the API sends none, as Gemini may.
    pub id: String,
    /// The name of the function.
    pub name: String,
    /// The arguments as JSON text.
    pub arguments: String,
}

impl ToolCall {
    /// A call with the values of the API's own type.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        Self { id: id.into(), name: name.into(), arguments: arguments.into() }
    }
}

impl Api {
    /// The calls of functions in the reply of a model: the body of a response, or the message in it.
    /// Other parts of the reply, such as text and calls of tools that the API runs itself, are ignored.
    ///
    /// # Errors
    /// Kind [`Reply`](AgentErrorKind::Reply) when a call has no name, or arguments of another type.
    pub fn tool_calls(self, reply: &Value) -> Result<Vec<ToolCall>, AgentError> {
        let first = |pointers: &[&str]| pointers.iter().find_map(|it| reply.pointer(it));
        let items = match self {
            Self::OpenAiChat => first(&["/choices/0/message/tool_calls", "/tool_calls"]),
            Self::OpenAiResponses => first(&["/output", ""]),
            Self::Anthropic => first(&["/content"]),
            Self::Gemini => first(&["/candidates/0/content/parts", "/content/parts", "/parts"]),
        };
        let items = items.and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| self.call_in(item)).collect()
    }

    /// The call in one item of a reply, if it is one.
    fn call_in(self, item: &Value) -> Option<Result<ToolCall, AgentError>> {
        let is = |kind: &str| item["type"] == kind;
        let (id, call, arguments) = match self {
            Self::OpenAiChat => (&item["id"], item.get("function")?, "arguments"),
            Self::OpenAiResponses if is("function_call") => (&item["call_id"], item, "arguments"),
            Self::Anthropic if is("tool_use") => (&item["id"], item, "input"),
            Self::Gemini => {
                let call = item.get("functionCall")?;
                (&call["id"], call, "args")
            }
            _ => return None,
        };
        let Some(name) = call["name"].as_str() else {
            return Some(Err(AgentError::new(AgentErrorKind::Reply, "a call without a name")));
        };
        let arguments = match call.get(arguments) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(object @ Value::Object(_)) => object.to_string(),
            Some(_) => {
                let message = "the arguments are neither text nor an object";
                return Some(Err(AgentError::new(AgentErrorKind::Reply, message).about(name)));
            }
        };
        Some(Ok(ToolCall::new(id.as_str().unwrap_or_default(), name, arguments)))
    }
}

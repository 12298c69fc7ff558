use mcp_core::CallToolResult;

use super::{
    blocks::{Block, blocks},
    limits::OutputLimits,
    omission::Omission,
};
use crate::{api::Api, error::AgentError, tool_call::ToolCall};

/// The result of a call, ready to be given to the model: see [`Api::messages`].
#[derive(Debug, Clone)]
pub struct ToolOutput {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) result: CallToolResult,
    pub(crate) blocks: Vec<Block>,
    omitted: Vec<Omission>,
    error: Option<AgentError>,
}

impl ToolOutput {
    /// The result of a call, for an API. Structured content is given as text, unless the text says the same
    /// already.
    pub fn new(api: Api, call: &ToolCall, result: CallToolResult, limits: OutputLimits) -> Self {
        Self::with_app(api, call, result, limits, false)
    }

    /// The same for a tool that may have an app.
    pub(crate) fn with_app(
        api: Api,
        call: &ToolCall,
        result: CallToolResult,
        limits: OutputLimits,
        has_app: bool,
    ) -> Self {
        let (blocks, omitted) = blocks(api, &result, has_app, limits);
        let ToolCall { id, name, .. } = call.clone();
        Self { id, name, result, blocks, omitted, error: None }
    }

    /// A call that failed, in words for the model. The text of an error names servers, and may name URLs and
    /// commands.
    pub fn from_error(api: Api, call: &ToolCall, error: AgentError) -> Self {
        let result = CallToolResult::error(error.to_string());
        Self { error: Some(error), ..Self::new(api, call, result, OutputLimits::default()) }
    }

    /// The id of the call.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of the function.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the tool failed, or could not be called.
    pub fn is_error(&self) -> bool {
        self.result.is_error == Some(true)
    }

    /// The whole result, with what the model does not get.
    pub fn result(&self) -> &CallToolResult {
        &self.result
    }

    /// What the model does not get of the result.
    pub fn omitted(&self) -> &[Omission] {
        &self.omitted
    }

    /// Why there is no result of the tool itself.
    pub fn error(&self) -> Option<&AgentError> {
        self.error.as_ref()
    }
}

use mcp_core::CallToolResult;

use super::{
    blocks::{Block, blocks, data},
    limits::OutputLimits,
    omission::Omission,
};
use crate::{api::Api, error::AgentError, tool_call::ToolCall};

/// The result of a call, for [`Api::messages`].
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
    /// Converts the result of a call for an API. Structured content becomes text, unless the text repeats
    /// it.
    pub fn new(api: Api, call: &ToolCall, result: CallToolResult, limits: OutputLimits) -> Self {
        Self::with_app(api, call, result, limits, false)
    }

    /// The same for a tool that may have an app, which structured content is meant for.
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

    /// A failed call, with the text of the error as the result. The text names servers, and can contain
    /// URLs and commands.
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

    /// The whole result, with the parts that are [omitted](Self::omitted).
    pub fn result(&self) -> &CallToolResult {
        &self.result
    }

    /// The text for the model, for clients with types of their own.
    pub fn text(&self) -> String {
        let texts = self.blocks.iter().filter_map(|block| match block {
            Block::Text(text) => Some(text.as_str()),
            Block::Media { .. } => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// The images and documents for the model: MIME type, and data in base64.
    pub fn media(&self) -> impl Iterator<Item = (&str, &str)> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Text(_) => None,
            Block::Media { mime, at, .. } => Some((*mime, data(&self.result, *at))),
        })
    }

    /// The parts of the result that are not passed to the model.
    pub fn omitted(&self) -> &[Omission] {
        &self.omitted
    }

    /// The error of a call that has no result of the tool.
    pub fn error(&self) -> Option<&AgentError> {
        self.error.as_ref()
    }
}

use mcp_core::Tool;
use mcp_session::Session;
use serde_json::Value;

use crate::{apps::ToolUi, declaration::Declaration};

/// A tool of a session, declared to a model.
#[derive(Debug, Clone)]
pub struct AgentTool {
    pub(crate) declaration: Declaration,
    pub(crate) tool: Tool,
    pub(crate) session: Session,
}

impl AgentTool {
    /// The name of the function, which can differ from the name of the tool.
    pub fn name(&self) -> &str {
        self.declaration.name()
    }

    /// The declaration of the function.
    pub fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// The tool as its server lists it.
    pub fn tool(&self) -> &Tool {
        &self.tool
    }

    /// The session that the tool is called in.
    pub fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn json(&self) -> &Value {
        self.declaration.json()
    }

    /// Whether an app displays the results.
    pub(crate) fn has_app(&self) -> bool {
        ToolUi::of(&self.tool).is_ok_and(|ui| ui.is_some_and(|ui| ui.resource_uri.is_some()))
    }
}

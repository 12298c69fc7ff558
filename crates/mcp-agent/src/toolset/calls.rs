//! Calls of a model.

use futures_util::future::join_all;
use mcp_core::CallToolResult;
use mcp_session::Call;
use serde_json::Value;

use super::{Toolset, agent_tool::AgentTool};
use crate::{
    error::{AgentError, AgentErrorKind},
    output::ToolOutput,
    tool_call::ToolCall,
};

impl Toolset {
    /// The calls in the reply of the model: see [`Api::tool_calls`](crate::Api::tool_calls).
    ///
    /// # Errors
    /// Kind [`Reply`](AgentErrorKind::Reply) when a call is malformed.
    pub fn tool_calls(&self, reply: &Value) -> Result<Vec<ToolCall>, AgentError> {
        self.api.tool_calls(reply)
    }

    /// Makes all calls in parallel, and returns their results in the order of the calls. A failure of any
    /// kind becomes a result that describes it to the model.
    ///
    /// Dropping the future cancels the calls.
    pub fn run_all(
        &self,
        calls: &[ToolCall],
    ) -> impl Future<Output = Vec<ToolOutput>> + Send + use<> {
        join_all(calls.iter().map(|call| self.run(call)))
    }

    /// Makes one call. A failure becomes a result, as with [`run_all`](Self::run_all).
    ///
    /// Dropping the future cancels the call.
    pub fn run(&self, call: &ToolCall) -> impl Future<Output = ToolOutput> + Send + use<> {
        let (api, made, call) = (self.api, self.call(call), call.clone());
        async move { made.await.unwrap_or_else(|error| ToolOutput::from_error(api, &call, error)) }
    }

    /// Makes one call. The failure of the tool itself is a [result](ToolOutput::is_error).
    ///
    /// Dropping the future cancels the call.
    ///
    /// # Errors
    /// Kind [`UnknownTool`](AgentErrorKind::UnknownTool) or [`Arguments`](AgentErrorKind::Arguments) when
    /// the model made a mistake, [`Call`](AgentErrorKind::Call) when the call failed.
    pub fn call(
        &self,
        call: &ToolCall,
    ) -> impl Future<Output = Result<ToolOutput, AgentError>> + Send + use<> {
        let (api, limits) = (self.api, self.limits);
        let prepared = self.prepare(call);
        let has_app = self.get(&call.name).is_some_and(AgentTool::has_app);
        let call = call.clone();
        async move {
            let result = prepared?.await;
            let result = result.map_err(|error| AgentError::from(error).about(&call.name))?;
            Ok(ToolOutput::with_app(api, &call, result, limits, has_app))
        }
    }

    /// The call of the session, to set a time limit or a progress handler. Its result is passed to
    /// [`output`](Self::output).
    ///
    /// # Errors
    /// Kind [`UnknownTool`](AgentErrorKind::UnknownTool) or [`Arguments`](AgentErrorKind::Arguments) when
    /// the model made a mistake.
    pub fn prepare(&self, call: &ToolCall) -> Result<Call<CallToolResult>, AgentError> {
        let tool = self.get(&call.name).ok_or_else(|| self.unknown(&call.name))?;
        let arguments = tool.declaration.arguments(&call.arguments)?;
        Ok(tool.session.call_tool(&tool.tool.name).args(arguments))
    }

    /// Converts the result of a [prepared](Self::prepare) call.
    pub fn output(&self, call: &ToolCall, result: CallToolResult) -> ToolOutput {
        let has_app = self.get(&call.name).is_some_and(AgentTool::has_app);
        ToolOutput::with_app(self.api, call, result, self.limits, has_app)
    }

    /// The messages with the results of all calls of the model's last reply: see
    /// [`Api::messages`](crate::Api::messages).
    pub fn messages<'a>(&self, outputs: impl IntoIterator<Item = &'a ToolOutput>) -> Vec<Value> {
        self.api.messages(outputs)
    }

    fn unknown(&self, name: &str) -> AgentError {
        let is_near = |other: &&str| {
            let (name, other) = (name.to_ascii_lowercase(), other.to_ascii_lowercase());
            !name.is_empty() && (other.ends_with(&name) || name.ends_with(&other))
        };
        let message = match self.tools().map(AgentTool::name).find(is_near) {
            Some(near) => format!("there is no such tool, did you mean {near:?}?"),
            None => "there is no such tool".to_owned(),
        };
        AgentError::new(AgentErrorKind::UnknownTool, message).about(name)
    }
}

//! MCP tools as functions of the APIs of language models.
mod api;
pub mod apps;
mod change;
mod declaration;
mod error;
mod names;
mod output;
mod schema;
mod tool_call;
mod toolset;

pub use api::Api;
pub use change::{Change, ChangeKind};
pub use declaration::Declaration;
pub use error::{AgentError, AgentErrorKind};
pub use output::{Omission, OmissionReason, OutputLimits, ToolOutput};
pub use tool_call::ToolCall;
pub use toolset::{AgentTool, Toolset};

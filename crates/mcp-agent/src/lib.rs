//! MCP tools as functions of the APIs of language models.
mod api;
mod change;
mod declaration;
mod error;
mod names;
mod schema;
mod tool_call;

pub use api::Api;
pub use change::{Change, ChangeKind};
pub use declaration::Declaration;
pub use error::{AgentError, AgentErrorKind};
pub use tool_call::ToolCall;

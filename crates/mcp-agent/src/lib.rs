//! MCP tools as functions of the APIs of language models: OpenAI (Chat Completions and Responses), Anthropic
//! and Gemini.
//!
//! A [`Toolset`] declares the tools of sessions in the shape of one [`Api`], makes the calls that the model
//! asks for, and writes their results as the messages of that API. It sends nothing to a model: declarations,
//! replies and messages are JSON, for any client of the API.
//!
//! ```
//! use mcp_agent::{AgentError, Api, ToolCall, Toolset};
//! # use mcp_session::Session;
//! # async fn run(session: Session) -> Result<(), AgentError> {
//! let mut tools = Toolset::new(Api::OpenAiResponses);
//! tools.add(&session).await?;
//! let declarations = tools.declarations(); // the member `tools` of a request
//!
//! // What the model asks for, and what it gets.
//! let call = ToolCall::new("call_1", "search_books", r#"{"query": "Dune"}"#);
//! let output = tools.run(&call).await;
//! let messages = tools.messages([&output]); // to be added to the member `input`
//! # Ok(()) }
//! ```
//!
//! - Names are accepted by every API, and a name stands for one tool: see [`Toolset`].
//! - Schemas are adapted where an API refuses a part of them, and every difference is reported: see
//!   [`Declaration::changes`].
//! - Results are text, images and documents, within limits: see [`OutputLimits`] and
//!   [`ToolOutput::omitted`].
//! - Changes of tools are followed: see [`Toolset::refresh`].
//! - Tools with a user interface, of the extension MCP Apps: see [`apps`].
//!
//! The [guide] has the loop of an agent, and the rules of adaption.

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

#[doc = include_str!("guide.md")]
pub mod guide {}

pub use api::Api;
pub use change::{Change, ChangeKind};
pub use declaration::Declaration;
pub use error::{AgentError, AgentErrorKind};
pub use output::{Omission, OmissionReason, OutputLimits, ToolOutput};
pub use tool_call::ToolCall;
pub use toolset::{AgentTool, Toolset};

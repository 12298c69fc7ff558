//! MCP tools as functions of the APIs of language models: OpenAI (Chat Completions and Responses),
//! Anthropic and Gemini.
//!
//! A [`Toolset`] declares the tools of sessions in the shape of one [`Api`], makes the calls that the model
//! requests, and converts their results into messages of that API. It sends nothing to a model:
//! declarations, replies and messages are JSON, for any client of the API.
//!
//! ```
//! use mcp_agent::{AgentError, Api, ToolCall, Toolset};
//! # use mcp_session::Session;
//! # async fn run(session: Session) -> Result<(), AgentError> {
//! let mut tools = Toolset::new(Api::OpenAiResponses);
//! tools.add(&session).await?;
//! let declarations = tools.declarations(); // the member `tools` of a request
//!
//! // A call that the model requests, and its result.
//! let call = ToolCall::new("call_1", "search_books", r#"{"query": "Dune"}"#);
//! let output = tools.run(&call).await;
//! let messages = tools.messages([&output]); // to be added to the member `input`
//! # Ok(()) }
//! ```
//!
//! - Names that every API accepts, unique and stable: [`Toolset`].
//! - Schemas adapted to each API, with a report of every difference: [`Declaration::changes`].
//! - Results as text, images and documents, with limits: [`OutputLimits`], [`ToolOutput::omitted`].
//! - Changes of tools: [`Toolset::refresh`].
//! - Tools with a user interface, the extension MCP Apps: [`apps`].
//!
//! The [guide] explains the loop of an agent and the adaption of schemas and results.
#![cfg_attr(docsrs, feature(doc_cfg))]

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

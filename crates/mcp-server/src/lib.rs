//! A small in-process MCP server: tools, resources and prompts are async functions.
//!
//! ```
//! use mcp_server::{JsonSchema, Server};
//!
//! #[derive(serde::Deserialize, JsonSchema)]
//! struct Search {
//!     /// Words of the title.
//!     query: String,
//! }
//!
//! let server = Server::builder("Bookshop")
//!     .version("1.0")
//!     .tool("search_books", "Search the catalog", |search: Search| async move {
//!         format!("nothing found for {}", search.query)
//!     })
//!     .build();
//! ```
//!
//! A [`Server`] implements [`Serve`](mcp_transport::Serve): the memory transport calls it, and [`serve`](Server::serve)
//! or [`serve_stdio`](Server::serve_stdio) serves it over a byte stream. It supports the revisions of both eras; each
//! client chooses its own.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod arguments;
mod builder;
mod call;
mod catalog;
mod client_state;
mod completion;
mod context;
mod dispatch;
mod handler;
mod incoming;
mod listing;
mod params;
mod prompt;
mod reply;
mod resource;
#[cfg(feature = "stdio")]
mod serve;
mod server;
mod template;
mod tool;

pub use builder::ServerBuilder;
pub use completion::IntoCompletion;
pub use context::{Context, Progress, Sending};
pub use handler::{Handler, Plain, WithContext};
pub use prompt::IntoPrompt;
pub use resource::{About, IntoResource, ReadRequest};
pub use schemars::{self, JsonSchema};
pub use server::Server;
pub use tool::{IntoToolResult, Json, ToolResult};

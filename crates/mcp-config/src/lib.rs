#![doc = include_str!("../CONFIG.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod application;
mod atomic;
mod config;
mod dialect;
mod discover;
mod document;
mod edit;
mod env_file;
mod error;
mod expand;
mod expansion;
mod fields;
mod lines;
mod load;
mod manner;
mod marks;
mod oauth;
mod path;
mod places;
mod read;
mod render;
mod secrets;
mod server;
mod suggest;
mod switches;
mod tool;
mod variables;

pub use application::Application;
pub use config::{Expanded, McpConfig};
pub use dialect::Dialect;
pub use discover::Discovered;
pub use env_file::{parse_env_file, read_env_file};
pub use error::{Error, ErrorKind, Problem, ProblemKind};
pub use oauth::{OAuth, OAuthGrant, OAuthStore};
pub use places::{Folders, Location, Os, Scope};
pub use server::{Auth, ProtocolEra, Remote, RemoteTransport, Server, Stdio, Target};
pub use tool::{Argument, Tool};
pub use variables::{Input, Variables};

/// JSON Schema of the format, for editors. Covers JSON documents in all dialects except `Bare`. Entries directly under
/// `mcp` are not checked.
pub const SCHEMA: &str = include_str!("../mcp-config.schema.json");

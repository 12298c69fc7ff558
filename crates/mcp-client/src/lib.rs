//! Client for any MCP server.
//!
//! A [`Client`] is created from a target and infers the transport: a URL, the path of a Python or Node script, a
//! [`Stdio`] command, a server object in this process, a pair of streams, or any [`Connect`](transport::Connect).
//! Creating one does no I/O; [`Client::connect`] opens a [`Session`], in whichever era of the protocol the server
//! supports.
//!
//! ```no_run
//! # async fn run() -> Result<(), mcp_client::Error> {
//! let session = mcp_client::Client::new("https://example.com/mcp")?.connect().await?;
//! for tool in session.list_tools().await? {
//!     println!("{}", tool.name);
//! }
//! let result = session.call_tool("search_books").arg("query", "Dune").or_error().await?;
//! println!("{}", result.text());
//! session.close().await?;
//! # Ok(()) }
//! ```
//!
//! Protocol types are in [`types`], the transport contract is in [`transport`].
//!
#![cfg_attr(
    feature = "docs",
    doc = "The [`guide`] has a page for each topic, and [a table of all error kinds](guide::errors)."
)]
#![cfg_attr(
    not(feature = "docs"),
    doc = "The `guide` (feature `docs`) has a page for each topic, and a table of all error kinds."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "http", feature = "sse"))]
mod auth;
#[cfg(feature = "serve")]
mod bridge;
mod client;
#[cfg(feature = "config")]
mod config;
#[cfg(all(feature = "config", feature = "oauth"))]
mod config_oauth;
mod connectors;
#[cfg(all(feature = "http", feature = "sse"))]
mod detect;
#[cfg(feature = "docs")]
pub mod guide;
mod infer;
mod into_target;
mod kept;
#[cfg(feature = "config")]
mod many_servers;
mod one_server;
mod pair;
#[cfg(feature = "stdio")]
mod process;
#[cfg(feature = "rmcp")]
pub mod rmcp;
mod target;
#[cfg(any(feature = "http", feature = "sse"))]
mod url_connector;

#[cfg(any(feature = "http", feature = "sse"))]
pub use auth::Auth;
#[cfg(feature = "serve")]
pub use bridge::Bridge;
pub use client::{Client, Connecting};
pub use into_target::IntoTarget;
pub use mcp_core as types;
#[cfg(feature = "validation")]
pub use mcp_session::OutputChecks;
pub use mcp_session::{
    Cache, CacheEntry, CacheMode, CacheStore, Call, CallFuture, CallInfo, EraPolicy, Error,
    ErrorKind, Event, Handlers, Input, InputRound, Items, List, LogMessage, ManualCall,
    MemoryStore, OrError, PageStream, RawRequest, Reply, ResultAs, ServerRequest, Session,
    SessionOptions, Subscribe, Subscription, Timeout, Verdict, check_form_field, extension,
};
pub use mcp_transport::{self as transport, TraceContext};
pub use target::Target;

#[cfg(feature = "agent")]
pub use mcp_agent as agent;
#[cfg(feature = "oauth")]
pub use mcp_auth::{self as oauth, OAuth};
#[cfg(feature = "config")]
pub use mcp_config::{self as config_file, McpConfig};
#[cfg(feature = "config")]
pub use mcp_group::{self as group, Group};
#[cfg(any(feature = "http", feature = "sse"))]
pub use mcp_http as http;
#[cfg(feature = "validation")]
pub use mcp_schema as schema;
#[cfg(feature = "serve")]
pub use mcp_serve as serve;
#[cfg(feature = "server")]
pub use mcp_server as server;
#[cfg(feature = "server")]
pub use mcp_server::Server;
#[cfg(feature = "skills")]
pub use mcp_skills as skills;
#[cfg(feature = "tasks")]
pub use mcp_tasks as tasks;
#[cfg(feature = "http")]
pub use mcp_transport_http::{SavedSession, SessionHandle, StreamableHttp};
#[cfg(feature = "memory")]
pub use mcp_transport_memory::Memory;
#[cfg(feature = "sse")]
pub use mcp_transport_sse::Sse;
#[cfg(feature = "stdio")]
pub use mcp_transport_stdio as stdio;
#[cfg(feature = "stdio")]
pub use mcp_transport_stdio::Stdio;

/// Runs the examples of Markdown files outside the crate as doctests.
#[cfg(all(doctest, feature = "docs"))]
mod markdown {
    macro_rules! pages {
        ($($name:ident: $file:literal,)*) => {
            $(#[doc = include_str!(concat!("../../../", $file))] struct $name;)*
        };
    }

    pages! {
        Readme: "README.md",
        ReadmeOfClient: "crates/mcp-client/README.md",
        FromRmcp: "docs/migrating/rmcp.md",
        FromFastMcp: "docs/migrating/fastmcp.md",
        FromPythonSdk: "docs/migrating/python-sdk.md",
        FromProxies: "docs/migrating/proxies.md",
    }
}

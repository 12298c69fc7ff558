//! MCP over the standard streams of a child process.
//!
//! [`Stdio`] configures the server: any program, a script, or a package that uv or npm installs.
//! [`connect`](mcp_transport::Connect::connect) starts it and returns a [`StdioTransport`]. The process
//! inherits a short allow-list of environment variables, and runs in a new process group (on Windows: a job
//! object). Neither the process nor its descendants outlive the transport.
//!
//! The contract of transports ([`mcp_transport`]) and the message types ([`mcp_core`]) are re-exported, so
//! that an application needs no other dependency.
//!
//! ```no_run
//! use mcp_transport_stdio::{
//!     Stdio,
//!     mcp_core::Request,
//!     mcp_transport::{Connect, Error, Transport},
//! };
//!
//! # async fn call() -> Result<(), Error> {
//! let server = Stdio::uv("server.py").env("API_KEY", "...");
//! let connection = server.connect().await?;
//! let exchange = connection.transport.request(Request::new(1, "server/discover").into()).await?;
//! println!("{:?}", exchange.response().await?);
//! connection.transport.close().await
//! # }
//! ```
//!
//! Spec: [stdio](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio)
#![cfg_attr(docsrs, feature(doc_cfg))]

mod command;
mod config;
mod connect;
#[cfg(target_os = "linux")]
mod detached;
mod env;
mod exit;
mod launch_context;
mod launcher;
mod lookup;
mod pipes;
mod process;
mod quote;
mod runner;
mod start_failure;
mod stderr;
mod supervisor;
mod transport;
#[cfg_attr(unix, path = "tree_unix.rs")]
#[cfg_attr(windows, path = "tree_windows.rs")]
mod tree;

pub use mcp_core;
pub use mcp_transport;

pub use config::Stdio;
pub use exit::ExitError;
pub use runner::{Node, Npx, Program, Python, Uv, Uvx};
pub use stderr::Stderr;
pub use transport::StdioTransport;

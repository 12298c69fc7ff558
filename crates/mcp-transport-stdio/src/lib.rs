//! MCP over the standard streams of a child process.
//!
//! [`Stdio`] says what to start and how: any program, a script, or a package that uv or npm brings.
//! Connecting starts it and gives a [`StdioTransport`]. The process gets a short allow-list of environment
//! variables and a process group (on Windows: a job object) of its own, and neither it nor what it has
//! started outlives the transport.
//!
//! The contract of transports ([`mcp_transport`]) and the types of messages ([`mcp_core`]) are re-exported,
//! so that this crate is all that an application has to name.
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
//! Spec: basic/transports/stdio

mod command;
mod config;
mod connect;
mod env;
mod exit;
mod lookup;
mod pipes;
mod place;
mod process;
mod quote;
mod runner;
mod starter;
mod stderr;
#[cfg(target_os = "linux")]
mod strays;
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

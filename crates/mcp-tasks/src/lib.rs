//! The extension `io.modelcontextprotocol/tasks`: a server may answer a call of a tool with a task, whose
//! result comes later.
//!
//! A session that is given [`Tasks`] says so to servers, and its calls stay what they were: one that is
//! answered with a task is polled to its end, what the task asks for goes to the handlers of the session,
//! and to drop the call is to cancel the task; see [`Tasks`].
//!
//! ```
//! use std::sync::Arc;
//! use mcp_session::{Error, Session, SessionOptions};
//! use mcp_tasks::{Started, Tasks};
//! # async fn run(server: impl mcp_transport::Connect) -> Result<(), Error> {
//! let tasks = Tasks::new();
//! let mut options = SessionOptions::default();
//! options.extensions.push(Arc::new(tasks.clone()));
//! let session = Session::open(server, None, options).await?;
//!
//! // As ever; the server may take hours for it.
//! let report = session.call_tool("write_report").await?;
//!
//! // Or with the task in hand, to come back to it in another run of the program.
//! if let Started::Task(task) = tasks.start(session.call_tool("write_report")).await? {
//!     let id = task.id().to_owned();
//!     let report = tasks.task(&session, id).result().await?;
//! }
//! # Ok(()) }
//! ```
//!
//! The tasks of the core of revision 2025-11-25 are another thing, and none of this crate's.
//!
//! Spec: ext-tasks 2026-07-28/tasks

mod asked;
mod cancelled;
mod guard;
mod input;
mod news;
mod polling;
mod state;
mod task;
mod tasks;

pub use cancelled::Cancelled;
pub use state::{TaskState, TaskStatus};
pub use task::{Started, Task};
pub use tasks::Tasks;

/// The name under which the extension is declared.
pub const ID: &str = "io.modelcontextprotocol/tasks";

/// Methods and notifications of the extension.
mod method {
    pub(crate) const GET: &str = "tasks/get";
    pub(crate) const UPDATE: &str = "tasks/update";
    pub(crate) const CANCEL: &str = "tasks/cancel";
    pub(crate) const NOTIFICATION: &str = "notifications/tasks";
}

//! The extension `io.modelcontextprotocol/tasks`: a server may respond to a tool call with a task, whose result is
//! available later.
//!
//! A session with [`Tasks`] declares the extension to servers, and its calls work as before: a call that becomes a task
//! polls the task until it ends, the handlers of the session provide the input that the task requests, and dropping the
//! call cancels the task; see [`Tasks`].
//!
//! ```
//! use mcp_session::{Error, Session, SessionOptions};
//! use mcp_tasks::{Started, Tasks};
//! # async fn run(server: impl mcp_transport::Connect) -> Result<(), Error> {
//! let tasks = Tasks::new();
//! let options = SessionOptions::default().with_extension(tasks.clone());
//! let session = Session::open(server, None, options).await?;
//!
//! // As usual; the server may take hours.
//! let report = session.call_tool("write_report").await?;
//!
//! // Or with the task itself, to continue in another run of the program.
//! if let Started::Task(task) = tasks.start(session.call_tool("write_report")).await? {
//!     let id = task.id().to_owned();
//!     let report = tasks.task(&session, id).result().await?;
//! }
//! # Ok(()) }
//! ```
//!
//! The tasks in the core of revision 2025-11-25 use another protocol, behind the same types: a tool that runs only as a
//! task is called like any other, [`Tasks::start`] creates a task for a tool that may run as one, and [`Tasks::list`]
//! lists the tasks of such a server.
//!
//! Spec: ext-tasks 2026-07-28/tasks, 2025-11-25 basic/utilities/tasks
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cancelled;
mod guard;
mod input;
mod polling;
mod requests;
mod schedule;
mod state;
mod task;
mod tasks;
mod watchers;

pub use cancelled::Cancelled;
pub use state::{TaskState, TaskStatus};
pub use task::{Started, Task};
pub use tasks::Tasks;

/// The name of the extension.
pub const ID: &str = "io.modelcontextprotocol/tasks";

/// Methods and notifications of the extension.
mod method {
    pub(crate) const GET: &str = "tasks/get";
    pub(crate) const UPDATE: &str = "tasks/update";
    pub(crate) const CANCEL: &str = "tasks/cancel";
    /// Only in revision 2025-11-25.
    pub(crate) const RESULT: &str = "tasks/result";
    pub(crate) const LIST: &str = "tasks/list";

    /// Whether a notification concerns a task.
    pub(crate) fn is_notification(method: &str) -> bool {
        matches!(method, "notifications/tasks" | "notifications/tasks/status")
    }
}

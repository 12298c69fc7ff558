//! The state of a task.

use std::io;

use mcp_client::tasks::TaskState;

use super::printer::Printer;
use crate::escape::line;

/// Writes the id of a task, its status and its status message.
pub(crate) fn task_state(printer: Printer, state: &TaskState) -> io::Result<()> {
    if !printer.is_human() {
        return printer.json(state);
    }
    let status = serde_json::to_value(&state.status)?;
    let (status, id) = (status.as_str().unwrap_or_default(), line(&state.id));
    let message = state.status_message.as_deref().unwrap_or_default();
    printer.line(format!("{id} {} {}", line(status), line(message)).trim_end())
}

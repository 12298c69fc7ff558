//! Tools of revision 2025-11-25 that run as tasks.
//!
//! Spec: 2025-11-25 basic/utilities/tasks#tool-level-negotiation

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mcp_core::{ListToolsResult, RawJson, tasks_2025_11_25::TaskSupport};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Maximum number of stored tools.
const MAX_TOOLS: usize = 10_000;

/// The kind of result that an extension takes for tasks.
pub(crate) const TASK: &str = "task";

/// Task support of listed tools.
#[derive(Debug, Default)]
pub(crate) struct TaskTools(Mutex<HashMap<String, TaskSupport>>);

impl TaskTools {
    /// Stores the task support of listed tools.
    pub(crate) fn learn(&self, list: &ListToolsResult) {
        let mut known = self.lock();
        for tool in &list.tools {
            let support = tool.execution.as_ref().and_then(|it| it.task_support.clone());
            if known.len() < MAX_TOOLS || known.contains_key(&tool.name) {
                known.insert(tool.name.clone(), support.unwrap_or(TaskSupport::Forbidden));
            }
        }
    }

    /// Whether no tool is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The task support of a tool, if known.
    pub(crate) fn of(&self, tool: &str) -> Option<TaskSupport> {
        self.lock().get(tool).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, TaskSupport>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a result is that of a request that became a task.
pub(crate) fn is_created(result: &RawJson) -> bool {
    #[derive(Deserialize)]
    struct Created {
        #[serde(rename = "task")]
        _task: Task,
    }
    #[derive(Deserialize)]
    struct Task {
        #[serde(rename = "taskId")]
        _id: String,
        #[serde(rename = "status")]
        _status: IgnoredAny,
    }
    result.decode::<Created>().is_ok()
}

//! The experimental tasks of revision 2025-11-25. Later revisions have a tasks extension with other messages.
//!
//! Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    LenientList, Meta, ResultType,
    meta::with_meta,
    results::{page, server_result},
};

open_enum! {
    /// The status of a task.
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    pub enum TaskStatus {
        /// The task is running.
        Working = "working",
        /// The task needs input.
        InputRequired = "input_required",
        /// The task has completed.
        Completed = "completed",
        /// The task has failed.
        Failed = "failed",
        /// The task was cancelled.
        Cancelled = "cancelled",
    }
}

impl TaskStatus {
    /// Whether the status is final.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

open_enum! {
    /// Whether a tool can run as a task.
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    pub enum TaskSupport {
        /// It cannot. The default.
        Forbidden = "forbidden",
        /// It can.
        Optional = "optional",
        /// It must.
        Required = "required",
    }
}

wire_struct! {
    /// The modes in which a tool can run.
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    #[derive(Default)]
    pub struct ToolExecution {
        optional {
            /// Whether it can run as a task. Default: [`TaskSupport::Forbidden`].
            task_support: TaskSupport = "taskSupport", with_task_support;
        }
    }
}

wire_struct! {
    /// Requests that a request is run as a task.
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    #[derive(Default)]
    pub struct TaskMetadata {
        optional {
            /// The requested lifetime of the task from its creation, in milliseconds.
            ttl: i64 = "ttl" via Integer, with_ttl;
        }
    }
}

wire_struct! {
    /// The value of `io.modelcontextprotocol/related-task` in `_meta`: the task that a message belongs to.
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    pub struct RelatedTaskMetadata {
        required {
            /// The id of the task.
            task_id: String = "taskId";
        }
    }
}

wire_struct! {
    /// A request that is run as a task.
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    pub struct Task {
        required {
            /// The id.
            task_id: String = "taskId";
            /// The status.
            status: TaskStatus = "status";
            /// The time of its creation, in ISO 8601. Not parsed.
            created_at: String = "createdAt";
            /// The time of its last change, in ISO 8601. Not parsed.
            last_updated_at: String = "lastUpdatedAt";
            /// The lifetime from its creation, in milliseconds. `None`, sent as `null`, is no limit.
            ttl: Option<i64> = "ttl";
        }
        optional {
            /// A human-readable description of the status.
            status_message: String = "statusMessage", with_status_message;
            /// The recommended interval between polls, in milliseconds.
            poll_interval: i64 = "pollInterval" via Integer, with_poll_interval;
            /// Metadata, if the task is a result or the parameters of a notification.
            meta: Meta = "_meta", with_meta;
            /// The kind of the result. Not part of this revision; stored if a server sends it.
            result_type: ResultType = "resultType", with_result_type;
        }
    }
}

wire_struct! {
    /// The result of a request that is run as a task.
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    pub struct CreateTaskResult {
        required {
            /// The task.
            task: Task = "task";
        }
        optional {
            /// The kind of the result. Not part of this revision; stored if a server sends it.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `tasks/get`, `tasks/result` and `tasks/cancel`. Their results are a [`Task`], the result
    /// of the request itself ([`TaskPayload`]), and a [`Task`].
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    pub struct TaskRequestParams {
        required {
            /// The id of the task.
            task_id: String = "taskId";
        }
        optional {
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

/// The result of `tasks/result`: the result of the original request.
///
/// [Decode](crate::RawJson::decode) it as the result type of that request.
///
/// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskPayload(pub crate::RawJson);

impl super::MethodResult for TaskPayload {
    fn decode(raw: &crate::RawJson) -> Result<Self, serde_json::Error> {
        Ok(Self(raw.clone()))
    }
}

wire_struct! {
    /// The result of `tasks/list`: one page.
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    pub struct ListTasksResult {
        required {
            /// The tasks of this page.
            tasks: LenientList<Task> = "tasks";
        }
        optional {
            /// The cursor of the next page, opaque. Absent on the last page.
            next_cursor: String = "nextCursor", with_next_cursor;
            /// The kind of the result. Not part of this revision; stored if a server sends it.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The capabilities for tasks.
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    #[derive(Default)]
    pub struct TasksCapability {
        optional {
            /// Supports `tasks/list`.
            list: Map<String, Value> = "list", with_list;
            /// Supports `tasks/cancel`.
            cancel: Map<String, Value> = "cancel", with_cancel;
            /// The requests that can be run as tasks.
            requests: TaskRequestsCapability = "requests", with_requests;
        }
    }
}

wire_struct! {
    /// The requests that can be run as tasks. Each member is an object of method names, such as `call`.
    ///
    /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
    #[derive(Default)]
    pub struct TaskRequestsCapability {
        optional {
            /// `{"call": {}}` on servers.
            tools: Map<String, Value> = "tools", with_tools;
            /// `{"createMessage": {}}` on clients.
            sampling: Map<String, Value> = "sampling", with_sampling;
            /// `{"create": {}}` on clients.
            elicitation: Map<String, Value> = "elicitation", with_elicitation;
        }
    }
}

with_meta!(TaskRequestParams);
server_result!(Task, CreateTaskResult, ListTasksResult);
page!(ListTasksResult of Task = tasks by task_id);

//! Tasks as they are in 2025-11-25, and there alone: experimental, and replaced since by an extension
//! whose messages differ.
//!
//! Spec: 2025-11-25 basic/utilities/tasks

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    List, Meta, ResultType,
    meta::with_meta,
    results::{page, server_result},
};

open_enum! {
    /// How far a task is.
    pub enum TaskStatus {
        /// At work.
        Working = "working",
        /// Waits for input.
        InputRequired = "input_required",
        /// Done.
        Completed = "completed",
        /// Failed.
        Failed = "failed",
        /// Given up.
        Cancelled = "cancelled",
    }
}

impl TaskStatus {
    /// Whether the task will not change any more.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

open_enum! {
    /// Whether a tool can run as a task.
    pub enum TaskSupport {
        /// It cannot. Also meant where nothing is said.
        Forbidden = "forbidden",
        /// It can.
        Optional = "optional",
        /// It cannot otherwise.
        Required = "required",
    }
}

wire_struct! {
    /// How a tool can be run.
    #[derive(Default)]
    pub struct ToolExecution {
        optional {
            /// Whether as a task. Absent means [`TaskSupport::Forbidden`].
            task_support: TaskSupport = "taskSupport", with_task_support;
        }
    }
}

wire_struct! {
    /// Asks that a request be run as a task.
    #[derive(Default)]
    pub struct TaskMetadata {
        optional {
            /// Milliseconds to keep the task after it was made.
            ttl: i64 = "ttl" via Integer, with_ttl;
        }
    }
}

wire_struct! {
    /// Names, in `_meta`, the task that a message belongs to.
    pub struct RelatedTaskMetadata {
        required {
            /// The task.
            task_id: String = "taskId";
        }
    }
}

wire_struct! {
    /// A request that is being worked on.
    pub struct Task {
        required {
            /// Its name.
            task_id: String = "taskId";
            /// How far it is.
            status: TaskStatus = "status";
            /// When it was made, in ISO 8601. Not parsed.
            created_at: String = "createdAt";
            /// When it last changed, in ISO 8601. Not parsed.
            last_updated_at: String = "lastUpdatedAt";
            /// Milliseconds it is kept after it was made; `None`, which is `null`, for no limit.
            ttl: Option<i64> = "ttl";
        }
        optional {
            /// What is going on, for people.
            status_message: String = "statusMessage", with_status_message;
            /// Milliseconds to wait before asking again.
            poll_interval: i64 = "pollInterval" via Integer, with_poll_interval;
            /// Where a task is a result or a parameter itself.
            meta: Meta = "_meta", with_meta;
            /// Not a member of this revision; kept where a server sends it.
            result_type: ResultType = "resultType", with_result_type;
        }
    }
}

wire_struct! {
    /// The answer to a request that was asked to run as a task.
    pub struct CreateTaskResult {
        required {
            /// The task.
            task: Task = "task";
        }
        optional {
            /// Not a member of this revision; kept where a server sends it.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `tasks/get`, `tasks/result` and `tasks/cancel`. The answers are a [`Task`], the
    /// result of the request itself ([`TaskPayload`]), and a [`Task`].
    pub struct TaskRequestParams {
        required {
            /// Which task.
            task_id: String = "taskId";
        }
        optional {
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

/// The answer to `tasks/result`: what the request would have been answered with.
///
/// [`decode`](crate::RawJson::decode) it as the result type of that request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskPayload(pub crate::RawJson);

impl super::MethodResult for TaskPayload {
    fn decode(raw: &crate::RawJson) -> Result<Self, serde_json::Error> {
        Ok(Self(raw.clone()))
    }
}

wire_struct! {
    /// The answer to `tasks/list`.
    pub struct ListTasksResult {
        required {
            /// This page of the tasks.
            tasks: List<Task> = "tasks";
        }
        optional {
            /// Where the next page begins. Opaque.
            next_cursor: String = "nextCursor", with_next_cursor;
            /// Not a member of this revision; kept where a server sends it.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// What can be done with tasks.
    #[derive(Default)]
    pub struct TasksCapability {
        optional {
            /// `tasks/list`.
            list: Map<String, Value> = "list", with_list;
            /// `tasks/cancel`.
            cancel: Map<String, Value> = "cancel", with_cancel;
            /// Which requests can be run as tasks.
            requests: TaskRequestsCapability = "requests", with_requests;
        }
    }
}

wire_struct! {
    /// Which requests can be run as tasks: each member holds one for each method, such as `call`.
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
page!(ListTasksResult of Task = tasks);

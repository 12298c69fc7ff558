//! The names of the methods and notifications of the protocol. [`requests`](crate::requests) and
//! [`notifications`](crate::notifications) map them to types, with a link to the specification of each.

/// `initialize`. Until 2025-11-25.
pub const INITIALIZE: &str = "initialize";
/// `ping`. Until 2025-11-25.
pub const PING: &str = "ping";
/// `server/discover`. Since 2026-07-28.
pub const SERVER_DISCOVER: &str = "server/discover";
/// `tools/list`.
pub const TOOLS_LIST: &str = "tools/list";
/// `tools/call`.
pub const TOOLS_CALL: &str = "tools/call";
/// `resources/list`.
pub const RESOURCES_LIST: &str = "resources/list";
/// `resources/templates/list`.
pub const RESOURCES_TEMPLATES_LIST: &str = "resources/templates/list";
/// `resources/read`.
pub const RESOURCES_READ: &str = "resources/read";
/// `resources/subscribe`. Until 2025-11-25.
pub const RESOURCES_SUBSCRIBE: &str = "resources/subscribe";
/// `resources/unsubscribe`. Until 2025-11-25.
pub const RESOURCES_UNSUBSCRIBE: &str = "resources/unsubscribe";
/// `subscriptions/listen`. Since 2026-07-28.
pub const SUBSCRIPTIONS_LISTEN: &str = "subscriptions/listen";
/// `prompts/list`.
pub const PROMPTS_LIST: &str = "prompts/list";
/// `prompts/get`.
pub const PROMPTS_GET: &str = "prompts/get";
/// `completion/complete`.
pub const COMPLETION_COMPLETE: &str = "completion/complete";
/// `logging/setLevel`. Until 2025-11-25.
pub const LOGGING_SET_LEVEL: &str = "logging/setLevel";
/// `sampling/createMessage`: from server to client. Deprecated since 2026-07-28.
pub const SAMPLING_CREATE_MESSAGE: &str = "sampling/createMessage";
/// `roots/list`: from server to client. Deprecated since 2026-07-28.
pub const ROOTS_LIST: &str = "roots/list";
/// `elicitation/create`: from server to client. Since 2025-06-18.
pub const ELICITATION_CREATE: &str = "elicitation/create";
/// `tasks/get`. Part of the core protocol only in 2025-11-25.
pub const TASKS_GET: &str = "tasks/get";
/// `tasks/result`. Only in 2025-11-25.
pub const TASKS_RESULT: &str = "tasks/result";
/// `tasks/list`. Only in 2025-11-25.
pub const TASKS_LIST: &str = "tasks/list";
/// `tasks/cancel`. Part of the core protocol only in 2025-11-25.
pub const TASKS_CANCEL: &str = "tasks/cancel";

/// `notifications/initialized`. Until 2025-11-25.
pub const NOTIFICATIONS_INITIALIZED: &str = "notifications/initialized";
/// `notifications/cancelled`.
pub const NOTIFICATIONS_CANCELLED: &str = "notifications/cancelled";
/// `notifications/progress`.
pub const NOTIFICATIONS_PROGRESS: &str = "notifications/progress";
/// `notifications/message`: a log message. Deprecated since 2026-07-28.
pub const NOTIFICATIONS_MESSAGE: &str = "notifications/message";
/// `notifications/tools/list_changed`.
pub const NOTIFICATIONS_TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";
/// `notifications/prompts/list_changed`.
pub const NOTIFICATIONS_PROMPTS_LIST_CHANGED: &str = "notifications/prompts/list_changed";
/// `notifications/resources/list_changed`.
pub const NOTIFICATIONS_RESOURCES_LIST_CHANGED: &str = "notifications/resources/list_changed";
/// `notifications/resources/updated`.
pub const NOTIFICATIONS_RESOURCES_UPDATED: &str = "notifications/resources/updated";
/// `notifications/roots/list_changed`: from client to server. Until 2025-11-25.
pub const NOTIFICATIONS_ROOTS_LIST_CHANGED: &str = "notifications/roots/list_changed";
/// `notifications/subscriptions/acknowledged`. Since 2026-07-28.
pub const NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED: &str =
    "notifications/subscriptions/acknowledged";
/// `notifications/elicitation/complete`. Only in 2025-11-25.
pub const NOTIFICATIONS_ELICITATION_COMPLETE: &str = "notifications/elicitation/complete";
/// `notifications/tasks/status`. Only in 2025-11-25.
pub const NOTIFICATIONS_TASKS_STATUS: &str = "notifications/tasks/status";

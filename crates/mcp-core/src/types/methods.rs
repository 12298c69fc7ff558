use serde::{Serialize, de::DeserializeOwned};

use super::{MethodResult, WithMeta};
use crate::RawJson;

/// A request method: its name, and the types of its parameters and its result.
///
/// Implemented by the types of [`requests`]. Implement it on another type for a method of an extension.
///
/// ```
/// use mcp_core::{MethodResult, Outcome, RawJson, RequestMethod, requests::CallTool};
///
/// fn decode_result<M: RequestMethod>(raw: &RawJson) -> Result<M::Result, serde_json::Error> {
///     M::Result::decode(raw)
/// }
///
/// let raw = RawJson::from_text(r#"{"resultType": "input_required", "requestState": "7"}"#)?;
/// assert_eq!(CallTool::NAME, "tools/call");
/// assert!(matches!(decode_result::<CallTool>(&raw)?, Outcome::InputRequired(_)));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub trait RequestMethod {
    /// The name of the method on the wire.
    const NAME: &'static str;
    /// The parameters.
    type Params: WithMeta + Serialize + DeserializeOwned + Send;
    /// The result.
    type Result: MethodResult + Send;
}

/// A notification method: its name, and the type of its parameters.
///
/// Implemented by the types of [`notifications`]. Implement it on another type for a notification of an
/// extension.
pub trait NotificationMethod {
    /// The name of the method on the wire.
    const NAME: &'static str;
    /// The parameters.
    type Params: WithMeta + Serialize + DeserializeOwned + Send;
}

/// Decodes the parameters of a request or notification. Absent parameters count as `{}`.
///
/// # Errors
/// If they cannot be deserialized as `P`.
pub fn decode_params<P: DeserializeOwned>(
    params: Option<&RawJson>,
) -> Result<P, serde_json::Error> {
    match params {
        Some(params) => params.decode(),
        None => serde_json::from_str("{}"),
    }
}

/// The request methods of the protocol, as types that implement [`RequestMethod`].
pub mod requests {
    use crate::{method, types::*};
    use tasks_2025_11_25::{ListTasksResult, Task, TaskPayload, TaskRequestParams};

    macro_rules! requests {
        ($( $(#[$attr:meta])* $name:ident = $method:ident($params:ty) -> $result:ty; )+) => {
            $(
                $(#[$attr])*
                #[derive(Debug, Clone, Copy)]
                pub enum $name {}

                impl RequestMethod for $name {
                    const NAME: &'static str = method::$method;
                    type Params = $params;
                    type Result = $result;
                }
            )+
        };
    }

    requests! {
        /// Opens a session. Until 2025-11-25.
        ///
        /// Spec:
        /// [Initialization](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization)
        Initialize = INITIALIZE(InitializeRequestParams) -> InitializeResult;
        /// Checks whether the peer responds, in either direction. Until 2025-11-25.
        ///
        /// Spec: [Ping](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/ping)
        Ping = PING(RequestParams) -> EmptyResult;
        /// Returns the versions, capabilities and identity of the server. Since 2026-07-28.
        ///
        /// Spec: [Discovery](https://modelcontextprotocol.io/specification/2026-07-28/server/discover)
        Discover = SERVER_DISCOVER(RequestParams) -> DiscoverResult;
        /// Lists the tools.
        ///
        /// Spec: [Listing tools](https://modelcontextprotocol.io/specification/2026-07-28/server/tools#listing-tools)
        ListTools = TOOLS_LIST(PaginatedRequestParams) -> ListToolsResult;
        /// Calls a tool.
        ///
        /// Spec: [Calling tools](https://modelcontextprotocol.io/specification/2026-07-28/server/tools#calling-tools)
        CallTool = TOOLS_CALL(CallToolRequestParams) -> Outcome<CallToolResult>;
        /// Lists the resources.
        ///
        /// Spec: [Listing
        /// resources](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#listing-resources)
        ListResources = RESOURCES_LIST(PaginatedRequestParams) -> ListResourcesResult;
        /// Lists the resource templates.
        ///
        /// Spec: [Resource
        /// templates](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#resource-templates)
        ListResourceTemplates = RESOURCES_TEMPLATES_LIST(PaginatedRequestParams) -> ListResourceTemplatesResult;
        /// Reads a resource.
        ///
        /// Spec: [Reading
        /// resources](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#reading-resources)
        ReadResource = RESOURCES_READ(ReadResourceRequestParams) -> Outcome<ReadResourceResult>;
        /// Subscribes to changes of a resource. Until 2025-11-25; replaced by [`Listen`].
        ///
        /// Spec:
        /// [Subscriptions](https://modelcontextprotocol.io/specification/2025-11-25/server/resources#subscriptions)
        Subscribe = RESOURCES_SUBSCRIBE(ResourceRequestParams) -> EmptyResult;
        /// Cancels the subscription of a resource. Until 2025-11-25; replaced by [`Listen`].
        ///
        /// Spec:
        /// [Subscriptions](https://modelcontextprotocol.io/specification/2025-11-25/server/resources#subscriptions)
        Unsubscribe = RESOURCES_UNSUBSCRIBE(ResourceRequestParams) -> EmptyResult;
        /// Subscribes to notifications, as long as the request is open. Since 2026-07-28.
        ///
        /// Spec: [Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions)
        Listen = SUBSCRIPTIONS_LISTEN(SubscriptionsListenRequestParams) -> SubscriptionsListenResult;
        /// Lists the prompts.
        ///
        /// Spec: [Prompts](https://modelcontextprotocol.io/specification/2026-07-28/server/prompts)
        ListPrompts = PROMPTS_LIST(PaginatedRequestParams) -> ListPromptsResult;
        /// Returns the messages of a prompt, with its arguments inserted.
        ///
        /// Spec: [Getting a
        /// prompt](https://modelcontextprotocol.io/specification/2026-07-28/server/prompts#getting-a-prompt)
        GetPrompt = PROMPTS_GET(GetPromptRequestParams) -> Outcome<GetPromptResult>;
        /// Completes an argument.
        ///
        /// Spec: [Completion](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion)
        Complete = COMPLETION_COMPLETE(CompleteRequestParams) -> CompleteResult;
        /// Sets the minimum level of log messages. Until 2025-11-25.
        ///
        /// Spec: [Setting log
        /// level](https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/logging#setting-log-level)
        SetLevel = LOGGING_SET_LEVEL(SetLevelRequestParams) -> EmptyResult;
        /// Requests a message from a model of the client. Deprecated since 2026-07-28, where it is an input
        /// request of an [`InputRequiredResult`] only.
        ///
        /// Spec: [Sampling](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling)
        CreateMessage = SAMPLING_CREATE_MESSAGE(CreateMessageRequestParams) -> CreateMessageResult;
        /// Requests the roots of the client. Deprecated since 2026-07-28, where it is an input request of an
        /// [`InputRequiredResult`] only.
        ///
        /// Spec: [Roots](https://modelcontextprotocol.io/specification/2026-07-28/client/roots)
        ListRoots = ROOTS_LIST(RequestParams) -> ListRootsResult;
        /// Requests input from the user of the client. Since 2026-07-28 it is an input request of an
        /// [`InputRequiredResult`] only.
        ///
        /// Spec: [Elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation)
        Elicit = ELICITATION_CREATE(ElicitRequestParams) -> ElicitResult;
        /// Returns the status of a task. Only in 2025-11-25.
        ///
        /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
        GetTask = TASKS_GET(TaskRequestParams) -> Task;
        /// Waits for the result of a task. Only in 2025-11-25.
        ///
        /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
        GetTaskPayload = TASKS_RESULT(TaskRequestParams) -> TaskPayload;
        /// Lists the tasks. Only in 2025-11-25.
        ///
        /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
        ListTasks = TASKS_LIST(PaginatedRequestParams) -> ListTasksResult;
        /// Cancels a task. Only in 2025-11-25.
        ///
        /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
        CancelTask = TASKS_CANCEL(TaskRequestParams) -> Task;
    }
}

/// The notifications of the protocol, as types that implement [`NotificationMethod`].
pub mod notifications {
    use crate::{method, types::*};
    use tasks_2025_11_25::Task;

    macro_rules! notifications {
        ($( $(#[$attr:meta])* $name:ident = $method:ident($params:ty); )+) => {
            $(
                $(#[$attr])*
                #[derive(Debug, Clone, Copy)]
                pub enum $name {}

                impl NotificationMethod for $name {
                    const NAME: &'static str = method::$method;
                    type Params = $params;
                }
            )+
        };
    }

    notifications! {
        /// The client has completed the handshake. Until 2025-11-25.
        ///
        /// Spec:
        /// [Initialization](https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization)
        Initialized = NOTIFICATIONS_INITIALIZED(NotificationParams);
        /// A request is cancelled.
        ///
        /// Spec: [Cancellation](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/cancellation)
        Cancelled = NOTIFICATIONS_CANCELLED(CancelledNotificationParams);
        /// The progress of a request.
        ///
        /// Spec: [Progress](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/progress)
        Progress = NOTIFICATIONS_PROGRESS(ProgressNotificationParams);
        /// A log message. Deprecated since 2026-07-28.
        ///
        /// Spec: [Logging](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/logging)
        LoggingMessage = NOTIFICATIONS_MESSAGE(LoggingMessageNotificationParams);
        /// The list of tools has changed.
        ///
        /// Spec: [Tools](https://modelcontextprotocol.io/specification/2026-07-28/server/tools)
        ToolListChanged = NOTIFICATIONS_TOOLS_LIST_CHANGED(NotificationParams);
        /// The list of prompts has changed.
        ///
        /// Spec: [Prompts](https://modelcontextprotocol.io/specification/2026-07-28/server/prompts)
        PromptListChanged = NOTIFICATIONS_PROMPTS_LIST_CHANGED(NotificationParams);
        /// The list of resources or of resource templates has changed.
        ///
        /// Spec: [Resources](https://modelcontextprotocol.io/specification/2026-07-28/server/resources)
        ResourceListChanged = NOTIFICATIONS_RESOURCES_LIST_CHANGED(NotificationParams);
        /// A resource has changed.
        ///
        /// Spec:
        /// [Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#subscriptions)
        ResourceUpdated = NOTIFICATIONS_RESOURCES_UPDATED(ResourceUpdatedNotificationParams);
        /// The roots of the client have changed. Until 2025-11-25.
        ///
        /// Spec: [Roots](https://modelcontextprotocol.io/specification/2025-11-25/client/roots)
        RootsListChanged = NOTIFICATIONS_ROOTS_LIST_CHANGED(NotificationParams);
        /// A subscription is open. Since 2026-07-28.
        ///
        /// Spec:
        /// [Acknowledgment](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions#acknowledgment)
        SubscriptionsAcknowledged =
            NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED(SubscriptionsAcknowledgedNotificationParams);
        /// The user has completed a URL elicitation. Only in 2025-11-25.
        ///
        /// Spec: [Elicitation](https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation)
        ElicitationComplete =
            NOTIFICATIONS_ELICITATION_COMPLETE(ElicitationCompleteNotificationParams);
        /// The status of a task has changed. Only in 2025-11-25.
        ///
        /// Spec: [Tasks](https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks)
        TaskStatusChanged = NOTIFICATIONS_TASKS_STATUS(Task);
    }
}

use serde::{Serialize, de::DeserializeOwned};

use super::{MethodResult, WithMeta};
use crate::RawJson;

/// A method that is answered: its name, and the types of what is asked and answered.
///
/// Implemented by the empty types of [`requests`]; implement it on a type of your own for a method of an
/// extension.
///
/// ```
/// use mcp_core::{MethodResult, Outcome, RawJson, RequestMethod, requests::CallTool};
///
/// fn answer<M: RequestMethod>(raw: &RawJson) -> Result<M::Result, serde_json::Error> {
///     M::Result::decode(raw)
/// }
///
/// let raw = RawJson::from_text(r#"{"resultType": "input_required", "requestState": "7"}"#)?;
/// assert_eq!(CallTool::NAME, "tools/call");
/// assert!(matches!(answer::<CallTool>(&raw)?, Outcome::InputRequired(_)));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub trait RequestMethod {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What is asked.
    type Params: WithMeta + Serialize + DeserializeOwned + Send;
    /// What is answered.
    type Result: MethodResult + Send;
}

/// A notification: its name, and the type of its parameters.
///
/// Implemented by the empty types of [`notifications`]; implement it on a type of your own for a
/// notification of an extension.
pub trait NotificationMethod {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What it says.
    type Params: WithMeta + Serialize + DeserializeOwned + Send;
}

/// Decodes the parameters of a request or notification; absent ones count as `{}`.
///
/// # Errors
/// When they have another shape than `P`.
pub fn decode_params<P: DeserializeOwned>(
    params: Option<&RawJson>,
) -> Result<P, serde_json::Error> {
    match params {
        Some(params) => params.decode(),
        None => serde_json::from_str("{}"),
    }
}

/// The requests of the protocol, as types that [`RequestMethod`] describes.
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
        Initialize = INITIALIZE(InitializeRequestParams) -> InitializeResult;
        /// Asks for a sign of life, in either direction. Until 2025-11-25.
        Ping = PING(RequestParams) -> EmptyResult;
        /// Asks what the server is and offers. Since 2026-07-28.
        Discover = SERVER_DISCOVER(RequestParams) -> DiscoverResult;
        /// Lists the tools.
        ListTools = TOOLS_LIST(PaginatedRequestParams) -> ListToolsResult;
        /// Calls a tool.
        CallTool = TOOLS_CALL(CallToolRequestParams) -> Outcome<CallToolResult>;
        /// Lists the resources.
        ListResources = RESOURCES_LIST(PaginatedRequestParams) -> ListResourcesResult;
        /// Lists the resource templates.
        ListResourceTemplates = RESOURCES_TEMPLATES_LIST(PaginatedRequestParams) -> ListResourceTemplatesResult;
        /// Reads a resource.
        ReadResource = RESOURCES_READ(ReadResourceRequestParams) -> Outcome<ReadResourceResult>;
        /// Asks to hear of changes of a resource. Until 2025-11-25.
        Subscribe = RESOURCES_SUBSCRIBE(ResourceRequestParams) -> EmptyResult;
        /// Takes that back. Until 2025-11-25.
        Unsubscribe = RESOURCES_UNSUBSCRIBE(ResourceRequestParams) -> EmptyResult;
        /// Asks to hear of changes, for as long as the request is open. Since 2026-07-28.
        Listen = SUBSCRIPTIONS_LISTEN(SubscriptionsListenRequestParams) -> SubscriptionsListenResult;
        /// Lists the prompts.
        ListPrompts = PROMPTS_LIST(PaginatedRequestParams) -> ListPromptsResult;
        /// Asks for a prompt, filled in.
        GetPrompt = PROMPTS_GET(GetPromptRequestParams) -> Outcome<GetPromptResult>;
        /// Completes an argument.
        Complete = COMPLETION_COMPLETE(CompleteRequestParams) -> CompleteResult;
        /// Sets the least severe log messages to send. Until 2025-11-25.
        SetLevel = LOGGING_SET_LEVEL(SetLevelRequestParams) -> EmptyResult;
        /// Asks the client's model. Until 2025-11-25 a request of its own.
        CreateMessage = SAMPLING_CREATE_MESSAGE(CreateMessageRequestParams) -> CreateMessageResult;
        /// Asks for the client's roots. Until 2025-11-25 a request of its own.
        ListRoots = ROOTS_LIST(RequestParams) -> ListRootsResult;
        /// Asks the person at the client. Until 2025-11-25 a request of its own.
        Elicit = ELICITATION_CREATE(ElicitRequestParams) -> ElicitResult;
        /// Asks how far a task is. In 2025-11-25 alone.
        GetTask = TASKS_GET(TaskRequestParams) -> Task;
        /// Waits for what a task results in. In 2025-11-25 alone.
        GetTaskPayload = TASKS_RESULT(TaskRequestParams) -> TaskPayload;
        /// Lists the tasks. In 2025-11-25 alone.
        ListTasks = TASKS_LIST(PaginatedRequestParams) -> ListTasksResult;
        /// Gives a task up. In 2025-11-25 alone.
        CancelTask = TASKS_CANCEL(TaskRequestParams) -> Task;
    }
}

/// The notifications of the protocol, as types that [`NotificationMethod`] describes.
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
        /// The session is open. Until 2025-11-25.
        Initialized = NOTIFICATIONS_INITIALIZED(NotificationParams);
        /// A request is given up.
        Cancelled = NOTIFICATIONS_CANCELLED(CancelledNotificationParams);
        /// A request is being worked on.
        Progress = NOTIFICATIONS_PROGRESS(ProgressNotificationParams);
        /// A log message.
        LoggingMessage = NOTIFICATIONS_MESSAGE(LoggingMessageNotificationParams);
        /// The list of tools changed.
        ToolListChanged = NOTIFICATIONS_TOOLS_LIST_CHANGED(NotificationParams);
        /// The list of prompts changed.
        PromptListChanged = NOTIFICATIONS_PROMPTS_LIST_CHANGED(NotificationParams);
        /// The list of resources or of templates changed.
        ResourceListChanged = NOTIFICATIONS_RESOURCES_LIST_CHANGED(NotificationParams);
        /// A resource changed.
        ResourceUpdated = NOTIFICATIONS_RESOURCES_UPDATED(ResourceUpdatedNotificationParams);
        /// The client's roots changed. Until 2025-11-25.
        RootsListChanged = NOTIFICATIONS_ROOTS_LIST_CHANGED(NotificationParams);
        /// A subscription is open. Since 2026-07-28.
        SubscriptionsAcknowledged =
            NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED(SubscriptionsAcknowledgedNotificationParams);
        /// What a person was to do on a web page is done. In 2025-11-25 alone.
        ElicitationComplete =
            NOTIFICATIONS_ELICITATION_COMPLETE(ElicitationCompleteNotificationParams);
        /// A task went on. In 2025-11-25 alone.
        TaskStatusChanged = NOTIFICATIONS_TASKS_STATUS(Task);
    }
}

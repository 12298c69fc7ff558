//! Round trips of JSON values through the types of the definitions in the specification.

use mcp_core::{tasks_2025_11_25::*, *};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Decodes `value` as the type of `definition` and encodes it again.
pub(crate) fn round_trip(definition: &str, value: &Value) -> Result<Value, String> {
    macro_rules! table {
        (
            objects { $($object:literal => $ty:ty),* $(,)? }
            requests { $($request:literal => $method:ident),* $(,)? }
            embedded { $($embedded:literal => $embedded_ty:ty, $embedded_method:ident),* $(,)? }
            responses { $($response:literal => $answered:ident),* $(,)? }
            notifications { $($notification:literal => $notice:ident),* $(,)? }
            errors { $($error:literal => $data:ty),* $(,)? }
            bare_errors { $($bare:literal),* $(,)? }
            messages { $($message:literal),* $(,)? }
        ) => {
            match definition {
                $( $object => object::<$ty>(value), )*
                $( $request => request::<requests::$method>(value), )*
                // A separate request in the legacy era, part of a result in the modern era.
                $( $embedded if value.get("jsonrpc").is_none() => object::<$embedded_ty>(value), )*
                $( $embedded => request::<requests::$embedded_method>(value), )*
                $( $response => response::<<requests::$answered as RequestMethod>::Result>(value), )*
                $( $notification => notification::<notifications::$notice>(value), )*
                $( $error => error_response::<$data>(value), )*
                $( $bare )|* => bare_error(value),
                $( $message )|* => message(value).map(|message| to_value(&message)),
                _ => Err(format!("no type for the definition {definition}")),
            }
        };
    }
    table! {
        objects {
            "Annotations" => Annotations,
            "AudioContent" => AudioContent,
            "BlobResourceContents" => BlobResourceContents,
            "BooleanSchema" => BooleanSchema,
            "CacheableResult" => ListToolsResult,
            "CallToolRequestParams" => CallToolRequestParams,
            "CallToolResult" => CallToolResult,
            "CancelTaskResult" => Task,
            "CancelledNotificationParams" => CancelledNotificationParams,
            "ClientCapabilities" => ClientCapabilities,
            "CompleteRequestParams" => CompleteRequestParams,
            "CompleteResult" => CompleteResult,
            "ContentBlock" => ContentBlock,
            "CreateMessageRequestParams" => CreateMessageRequestParams,
            "CreateMessageResult" => CreateMessageResult,
            "CreateTaskResult" => CreateTaskResult,
            "DiscoverResult" => DiscoverResult,
            "ElicitRequestFormParams" => ElicitRequestFormParams,
            "ElicitRequestParams" => ElicitRequestParams,
            "ElicitRequestURLParams" => ElicitRequestUrlParams,
            "ElicitResult" => ElicitResult,
            "EmbeddedResource" => EmbeddedResource,
            "EmptyResult" => EmptyResult,
            "EnumSchema" => PrimitiveSchema,
            "GetPromptRequestParams" => GetPromptRequestParams,
            "GetPromptResult" => GetPromptResult,
            "GetTaskPayloadResult" => TaskPayload,
            "GetTaskResult" => Task,
            "Icon" => Icon,
            "ImageContent" => ImageContent,
            "Implementation" => Implementation,
            "InitializeRequestParams" => InitializeRequestParams,
            "InitializeResult" => InitializeResult,
            "InputRequest" => InputRequest,
            "InputRequests" => Entries<InputRequest>,
            "InputRequiredResult" => InputRequiredResult,
            "InputResponse" => InputResponse,
            "InputResponseRequestParams" => InputResponseRequestParams,
            "InputResponses" => Entries<InputResponse>,
            "LegacyTitledEnumSchema" => LegacyTitledEnumSchema,
            "ListPromptsResult" => ListPromptsResult,
            "ListResourceTemplatesResult" => ListResourceTemplatesResult,
            "ListResourcesResult" => ListResourcesResult,
            "ListRootsResult" => ListRootsResult,
            "ListTasksResult" => ListTasksResult,
            "ListToolsResult" => ListToolsResult,
            "LoggingLevel" => LoggingLevel,
            "LoggingMessageNotificationParams" => LoggingMessageNotificationParams,
            "MetaObject" => Meta,
            "ModelHint" => ModelHint,
            "ModelPreferences" => ModelPreferences,
            "MultiSelectEnumSchema" => PrimitiveSchema,
            "NotificationMetaObject" => Meta,
            "NotificationParams" => NotificationParams,
            "NumberSchema" => NumberSchema,
            "PaginatedRequestParams" => PaginatedRequestParams,
            "PaginatedResult" => ListToolsResult,
            "PrimitiveSchemaDefinition" => PrimitiveSchema,
            "ProgressNotificationParams" => ProgressNotificationParams,
            "ProgressToken" => ProgressToken,
            "Prompt" => Prompt,
            "PromptArgument" => PromptArgument,
            "PromptMessage" => PromptMessage,
            "PromptReference" => PromptReference,
            "ReadResourceRequestParams" => ReadResourceRequestParams,
            "ReadResourceResult" => ReadResourceResult,
            "RelatedTaskMetadata" => RelatedTaskMetadata,
            "RequestId" => RequestId,
            "RequestMetaObject" => Meta,
            "RequestParams" => RequestParams,
            "Resource" => Resource,
            "ResourceContents" => ResourceContents,
            "ResourceLink" => ResourceLink,
            "ResourceRequestParams" => ResourceRequestParams,
            "ResourceTemplate" => ResourceTemplate,
            "ResourceTemplateReference" => ResourceTemplateReference,
            "ResourceUpdatedNotificationParams" => ResourceUpdatedNotificationParams,
            "Result" => EmptyResult,
            "ResultMetaObject" => Meta,
            "ResultType" => ResultType,
            "Role" => Role,
            "Root" => Root,
            "SamplingMessage" => SamplingMessage,
            "SamplingMessageContentBlock" => SamplingContent,
            "ServerCapabilities" => ServerCapabilities,
            "SetLevelRequestParams" => SetLevelRequestParams,
            "SingleSelectEnumSchema" => PrimitiveSchema,
            "StringSchema" => StringSchema,
            "SubscribeRequestParams" => ResourceRequestParams,
            "SubscriptionFilter" => SubscriptionFilter,
            "SubscriptionsAcknowledgedNotificationParams" => SubscriptionsAcknowledgedNotificationParams,
            "SubscriptionsListenRequestParams" => SubscriptionsListenRequestParams,
            "SubscriptionsListenResult" => SubscriptionsListenResult,
            "SubscriptionsListenResultMeta" => Meta,
            "Task" => Task,
            "TaskAugmentedRequestParams" => CallToolRequestParams,
            "TaskMetadata" => TaskMetadata,
            "TaskStatus" => TaskStatus,
            "TaskStatusNotificationParams" => Task,
            "TextContent" => TextContent,
            "TextResourceContents" => TextResourceContents,
            "TitledMultiSelectEnumSchema" => TitledMultiSelectEnumSchema,
            "TitledSingleSelectEnumSchema" => TitledSingleSelectEnumSchema,
            "Tool" => Tool,
            "ToolAnnotations" => ToolAnnotations,
            "ToolChoice" => ToolChoice,
            "ToolExecution" => ToolExecution,
            "ToolResultContent" => ToolResultContent,
            "ToolUseContent" => ToolUseContent,
            "UnsubscribeRequestParams" => ResourceRequestParams,
            "UntitledMultiSelectEnumSchema" => UntitledMultiSelectEnumSchema,
            "UntitledSingleSelectEnumSchema" => UntitledSingleSelectEnumSchema,
        }
        requests {
            "CallToolRequest" => CallTool,
            "CancelTaskRequest" => CancelTask,
            "CompleteRequest" => Complete,
            "DiscoverRequest" => Discover,
            "GetPromptRequest" => GetPrompt,
            "GetTaskPayloadRequest" => GetTaskPayload,
            "GetTaskRequest" => GetTask,
            "InitializeRequest" => Initialize,
            "ListPromptsRequest" => ListPrompts,
            "ListResourceTemplatesRequest" => ListResourceTemplates,
            "ListResourcesRequest" => ListResources,
            "ListTasksRequest" => ListTasks,
            "ListToolsRequest" => ListTools,
            "PaginatedRequest" => ListTools,
            "PingRequest" => Ping,
            "ReadResourceRequest" => ReadResource,
            "SetLevelRequest" => SetLevel,
            "SubscribeRequest" => Subscribe,
            "SubscriptionsListenRequest" => Listen,
            "UnsubscribeRequest" => Unsubscribe,
        }
        embedded {
            "CreateMessageRequest" => CreateMessageRequest, CreateMessage,
            "ElicitRequest" => ElicitRequest, Elicit,
            "ListRootsRequest" => ListRootsRequest, ListRoots,
        }
        responses {
            "CallToolResultResponse" => CallTool,
            "CompleteResultResponse" => Complete,
            "CreateMessageResultResponse" => CreateMessage,
            "DiscoverResultResponse" => Discover,
            "ElicitResultResponse" => Elicit,
            "GetPromptResultResponse" => GetPrompt,
            "InitializeResultResponse" => Initialize,
            "ListPromptsResultResponse" => ListPrompts,
            "ListResourceTemplatesResultResponse" => ListResourceTemplates,
            "ListResourcesResultResponse" => ListResources,
            "ListRootsResultResponse" => ListRoots,
            "ListToolsResultResponse" => ListTools,
            "PingResultResponse" => Ping,
            "ReadResourceResultResponse" => ReadResource,
            "SetLevelResultResponse" => SetLevel,
            "SubscribeResultResponse" => Subscribe,
            "SubscriptionsListenResultResponse" => Listen,
            "UnsubscribeResultResponse" => Unsubscribe,
        }
        notifications {
            "CancelledNotification" => Cancelled,
            "ElicitationCompleteNotification" => ElicitationComplete,
            "InitializedNotification" => Initialized,
            "LoggingMessageNotification" => LoggingMessage,
            "ProgressNotification" => Progress,
            "PromptListChangedNotification" => PromptListChanged,
            "ResourceListChangedNotification" => ResourceListChanged,
            "ResourceUpdatedNotification" => ResourceUpdated,
            "RootsListChangedNotification" => RootsListChanged,
            "SubscriptionsAcknowledgedNotification" => SubscriptionsAcknowledged,
            "TaskStatusNotification" => TaskStatusChanged,
            "ToolListChangedNotification" => ToolListChanged,
        }
        errors {
            "HeaderMismatchError" => Value,
            "MissingRequiredClientCapabilityError" => MissingRequiredClientCapabilityData,
            "URLElicitationRequiredError" => UrlElicitationRequiredData,
            "UnsupportedProtocolVersionError" => UnsupportedProtocolVersionData,
        }
        bare_errors {
            "Error", "InternalError", "InvalidParamsError", "InvalidRequestError",
            "MethodNotFoundError", "ParseError",
        }
        messages {
            "JSONRPCErrorResponse", "JSONRPCMessage", "JSONRPCNotification", "JSONRPCRequest",
            "JSONRPCResponse", "JSONRPCResultResponse", "Notification", "Request",
        }
    }
}

/// A message as a JSON value.
pub(crate) fn to_value(message: &Message) -> Value {
    let mut text = Vec::new();
    message.encode(&mut text);
    serde_json::from_slice(&text).unwrap()
}

fn object<T: Serialize + DeserializeOwned>(value: &Value) -> Result<Value, String> {
    let decoded: T = serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(decoded).unwrap())
}

fn message(value: &Value) -> Result<Message, String> {
    Message::parse(value.to_string()).map_err(|error| error.to_string())
}

fn params<P: Serialize + DeserializeOwned>(
    raw: Option<RawJson>,
) -> Result<Option<RawJson>, String> {
    let decoded: P = decode_params(raw.as_ref()).map_err(|error| error.to_string())?;
    Ok(raw.map(|_| RawJson::from_serialize(&decoded).unwrap()))
}

fn request<M: RequestMethod>(value: &Value) -> Result<Value, String> {
    match message(value)? {
        Message::Request(mut request) if request.method == M::NAME => {
            request.params = params::<M::Params>(request.params)?;
            Ok(to_value(&request.into()))
        }
        other => Err(format!("not a {}: {other:?}", M::NAME)),
    }
}

fn notification<M: NotificationMethod>(value: &Value) -> Result<Value, String> {
    match message(value)? {
        Message::Notification(mut notification) if notification.method == M::NAME => {
            notification.params = params::<M::Params>(notification.params)?;
            Ok(to_value(&notification.into()))
        }
        other => Err(format!("not a {}: {other:?}", M::NAME)),
    }
}

fn response<R: MethodResult>(value: &Value) -> Result<Value, String> {
    match message(value)? {
        Message::Response(Response { id: Some(id), outcome: Ok(raw), .. }) => {
            let result = R::decode(&raw).map_err(|error| error.to_string())?;
            Ok(to_value(&Response::result(id, RawJson::from_serialize(&result).unwrap()).into()))
        }
        other => Err(format!("not a result: {other:?}")),
    }
}

fn error_response<D: Serialize + DeserializeOwned>(value: &Value) -> Result<Value, String> {
    match message(value)? {
        Message::Response(Response { id, outcome: Err(mut error), .. }) => {
            error.data = match error.data {
                Some(raw) => params::<D>(Some(raw))?,
                None => None,
            };
            Ok(to_value(&Response::error(id, error).into()))
        }
        other => Err(format!("not an error: {other:?}")),
    }
}

fn bare_error(value: &Value) -> Result<Value, String> {
    let whole = json!({"jsonrpc": "2.0", "id": 1, "error": value});
    error_response::<Value>(&whole).map(|mut back| back["error"].take())
}

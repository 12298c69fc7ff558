//! Complete messages, built with the types of request and notification methods.

use mcp_core::tasks_2025_11_25::*;

use super::*;
use crate::round_trip::to_value;

pub(super) fn add(values: &mut Values) {
    legacy_requests(values);
    modern_requests(values);
    notifications(values);
    responses(values);
    errors(values);
}

fn request<M: RequestMethod>(params: M::Params) -> Value {
    let params = RawJson::from_serialize(&params).unwrap();
    to_value(&Request::new("request-1", M::NAME).with_params(params).into())
}

fn notification<M: NotificationMethod>(params: M::Params) -> Value {
    let params = RawJson::from_serialize(&params).unwrap();
    to_value(&Notification::new(M::NAME).with_params(params).into())
}

fn response<M: RequestMethod>(result: impl Into<M::Result>) -> Value {
    let result = RawJson::from_serialize(&result.into()).unwrap();
    to_value(&Response::result(1.into(), result).into())
}

fn error(error: impl Into<ErrorObject>) -> Value {
    to_value(&Response::error(RequestId::from(1), error.into()).into())
}

fn page() -> PaginatedRequestParams {
    PaginatedRequestParams::new().with_cursor("page-2").with_meta(request_meta())
}

fn no_params() -> RequestParams {
    RequestParams::new().with_meta(request_meta())
}

fn legacy_requests(values: &mut Values) {
    use requests::*;

    let initialize = InitializeRequestParams::new(
        Revision::Legacy.name(),
        super::common::client_capabilities(),
        implementation(),
    );
    let of_task = || TaskRequestParams::new("task-1");
    let of_resource = || ResourceRequestParams::new("file:///a");
    let from_client = [
        ("InitializeRequest", request::<Initialize>(initialize)),
        ("PingRequest", request::<Ping>(RequestParams::new())),
        ("SubscribeRequest", request::<Subscribe>(of_resource())),
        ("UnsubscribeRequest", request::<Unsubscribe>(of_resource())),
        ("SetLevelRequest", request::<SetLevel>(SetLevelRequestParams::new(LoggingLevel::Debug))),
        ("GetTaskRequest", request::<GetTask>(of_task())),
        ("GetTaskPayloadRequest", request::<GetTaskPayload>(of_task())),
        ("CancelTaskRequest", request::<CancelTask>(of_task())),
        ("ListTasksRequest", request::<ListTasks>(PaginatedRequestParams::new().with_cursor("2"))),
    ];
    for (definition, message) in from_client {
        values.legacy(definition, &message);
        values.legacy("ClientRequest", message);
    }
    let sampling = super::client::create_message_params();
    let from_server = [
        ("CreateMessageRequest", request::<CreateMessage>(sampling)),
        ("ElicitRequest", request::<Elicit>(super::client::form_params().into())),
        ("ElicitRequest", request::<Elicit>(super::client::url_params().into())),
        ("ListRootsRequest", request::<ListRoots>(RequestParams::new())),
    ];
    for (definition, message) in from_server {
        values.legacy(definition, &message);
        values.legacy("ServerRequest", message);
    }
}

fn modern_requests(values: &mut Values) {
    use requests::*;

    let reference = PromptReference::new("recommend");
    let complete = CompleteRequestParams::new(reference, CompletionArgument::new("genre", "cr"))
        .with_meta(request_meta());
    let read = ReadResourceRequestParams::new("file:///a").with_meta(request_meta());
    let get = GetPromptRequestParams::new("recommend").with_meta(request_meta());
    let listen =
        SubscriptionsListenRequestParams::new(super::server::filter()).with_meta(request_meta());
    let in_both = [
        ("ListToolsRequest", request::<ListTools>(page())),
        ("PaginatedRequest", request::<ListTools>(page())),
        ("CallToolRequest", request::<CallTool>(super::server::call_tool_params())),
        ("ListResourcesRequest", request::<ListResources>(page())),
        ("ListResourceTemplatesRequest", request::<ListResourceTemplates>(page())),
        ("ReadResourceRequest", request::<ReadResource>(read)),
        ("ListPromptsRequest", request::<ListPrompts>(page())),
        ("GetPromptRequest", request::<GetPrompt>(get)),
        ("CompleteRequest", request::<Complete>(complete)),
    ];
    for (definition, message) in in_both {
        values.both(definition, &message);
        values.both("ClientRequest", &message);
        values.both("JSONRPCRequest", &message);
        values.both("JSONRPCMessage", &message);
        values.both("Request", message);
    }
    for (definition, message) in [
        ("DiscoverRequest", request::<Discover>(no_params())),
        ("SubscriptionsListenRequest", request::<Listen>(listen)),
    ] {
        values.modern(definition, &message);
        values.modern("ClientRequest", message);
    }
}

fn notifications(values: &mut Values) {
    use notifications::*;

    let nothing = || NotificationParams::new().with_meta(notification_meta());
    let cancelled = CancelledNotificationParams::new().with_request_id("request-1");
    let cancelled = notification::<Cancelled>(cancelled);
    values.both("CancelledNotification", &cancelled);
    values.both("ClientNotification", &cancelled);
    let updated = ResourceUpdatedNotificationParams::new("file:///a");
    let in_both = [
        ("CancelledNotification", cancelled),
        ("ProgressNotification", notification::<Progress>(super::server::progress())),
        (
            "LoggingMessageNotification",
            notification::<LoggingMessage>(super::server::log_message()),
        ),
        ("ToolListChangedNotification", notification::<ToolListChanged>(nothing())),
        ("PromptListChangedNotification", notification::<PromptListChanged>(nothing())),
        ("ResourceListChangedNotification", notification::<ResourceListChanged>(nothing())),
        ("ResourceUpdatedNotification", notification::<ResourceUpdated>(updated)),
    ];
    for (definition, message) in in_both {
        values.both(definition, &message);
        values.both("ServerNotification", &message);
        values.both("JSONRPCNotification", &message);
        values.both("JSONRPCMessage", &message);
        values.both("Notification", message);
    }
    let acknowledged = SubscriptionsAcknowledgedNotificationParams::new(super::server::filter())
        .with_meta(notification_meta());
    values.modern(
        "SubscriptionsAcknowledgedNotification",
        notification::<SubscriptionsAcknowledged>(acknowledged),
    );
    let complete = ElicitationCompleteNotificationParams::new("elicitation-1");
    let complete = notification::<ElicitationComplete>(complete);
    values.legacy("ElicitationCompleteNotification", &complete);
    values.legacy("ServerNotification", complete);
    for (definition, message) in [
        ("InitializedNotification", notification::<Initialized>(nothing())),
        ("RootsListChangedNotification", notification::<RootsListChanged>(nothing())),
        ("TaskStatusNotification", notification::<TaskStatusChanged>(super::tasks::task(None))),
    ] {
        values.legacy(definition, &message);
        values.legacy("ClientNotification", message);
    }
}

fn responses(values: &mut Values) {
    use requests::*;

    let call = response::<CallTool>(super::server::call_tool_result());
    values.both("JSONRPCResultResponse", &call);
    values.both("JSONRPCResponse", &call);
    values.both("JSONRPCMessage", &call);
    values.modern("CallToolResultResponse", call);
    let more = Outcome::InputRequired(super::server::input_required());
    values.modern("CallToolResultResponse", response::<CallTool>(more));
    let more = Outcome::InputRequired(super::server::input_required());
    values.modern("ReadResourceResultResponse", response::<ReadResource>(more));
    let read = cached(ReadResourceResult::new([ResourceContents::text("file:///a", "a")]));
    values.modern("ReadResourceResultResponse", response::<ReadResource>(read));
    let prompt = super::complete(GetPromptResult::new([PromptMessage::user("a book, please")]));
    values.modern("GetPromptResultResponse", response::<GetPrompt>(prompt));
    let completed = super::complete(CompleteResult::new(Completion::new(Vec::new())));
    values.modern("CompleteResultResponse", response::<Complete>(completed));
    values.modern("DiscoverResultResponse", response::<Discover>(super::common::discover_result()));
    values.modern(
        "ListToolsResultResponse",
        response::<ListTools>(super::server::list_tools_result()),
    );
    let prompts = cached(ListPromptsResult::new([]));
    values.modern("ListPromptsResultResponse", response::<ListPrompts>(prompts));
    let resources = cached(ListResourcesResult::new([]));
    values.modern("ListResourcesResultResponse", response::<ListResources>(resources));
    let templates = cached(ListResourceTemplatesResult::new([]));
    values.modern(
        "ListResourceTemplatesResultResponse",
        response::<ListResourceTemplates>(templates),
    );
    values.both("ServerResult", super::server::call_tool_result());
    values.both("ClientResult", super::complete(EmptyResult::new()));
}

fn errors(values: &mut Values) {
    let plain = [
        ("ParseError", error_code::PARSE_ERROR),
        ("InvalidRequestError", error_code::INVALID_REQUEST),
        ("MethodNotFoundError", error_code::METHOD_NOT_FOUND),
        ("InvalidParamsError", error_code::INVALID_PARAMS),
        ("InternalError", error_code::INTERNAL_ERROR),
    ];
    for (definition, code) in plain {
        let data = RawJson::from_serialize(&json!({"uri": "file:///a"})).unwrap();
        let message = error(ErrorObject::new(code, "something went wrong").with_data(data));
        values.both("JSONRPCErrorResponse", &message);
        values.both("JSONRPCResponse", &message);
        values.both("JSONRPCMessage", &message);
        values.both("Error", &message["error"]);
        values.modern(definition, &message["error"]);
    }
    let mismatch = ErrorObject::new(error_code::HEADER_MISMATCH, "header and body disagree");
    values.modern("HeaderMismatchError", error(mismatch));
    let capabilities = super::common::client_capabilities();
    values.modern(
        "MissingRequiredClientCapabilityError",
        error(MissingRequiredClientCapabilityData::new(capabilities)),
    );
    let versions = [Revision::Modern.name().to_owned()];
    values.modern(
        "UnsupportedProtocolVersionError",
        error(UnsupportedProtocolVersionData::new(versions, "1900-01-01")),
    );
    values.legacy(
        "URLElicitationRequiredError",
        error(UrlElicitationRequiredData::new([super::client::url_params()])),
    );
}

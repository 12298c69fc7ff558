use std::collections::BTreeMap;

use super::*;

pub(super) fn add(values: &mut Values) {
    content(values);
    tools(values);
    resources(values);
    prompts(values);
    completion(values);
    notifications(values);
    mrtr(values);
}

fn content(values: &mut Values) {
    let text = TextContent::new("hello").with_annotations(annotations()).with_meta(any_meta());
    let image = ImageContent::new("AAEC", "image/png")
        .with_annotations(annotations())
        .with_meta(any_meta());
    let audio = AudioContent::new("AAEC", "audio/wav")
        .with_annotations(annotations())
        .with_meta(any_meta());
    let link = ResourceLink::new("file:///a", "a")
        .with_title("A")
        .with_description("The first letter")
        .with_mime_type("text/plain")
        .with_size(1)
        .with_icons([icon()])
        .with_annotations(annotations())
        .with_meta(any_meta());
    let resource = EmbeddedResource::new(ResourceContents::text("file:///a", "a"))
        .with_annotations(annotations())
        .with_meta(any_meta());
    values.both("TextContent", &text);
    values.both("ImageContent", &image);
    values.both("AudioContent", &audio);
    values.both("ResourceLink", &link);
    values.both("EmbeddedResource", &resource);
    for block in [text.into(), image.into(), audio.into(), link.into(), resource.into()] {
        let block: ContentBlock = block;
        values.both("ContentBlock", block);
    }
}

pub(super) fn tool() -> Tool {
    Tool::new(
        "search_books",
        object(json!({"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]})),
    )
    .with_title("Search")
    .with_description("Searches the catalog")
    .with_output_schema(object(json!({"type": "object"})))
    .with_annotations(tool_annotations())
    .with_icons([icon()])
    .with_meta(any_meta())
}

fn tool_annotations() -> ToolAnnotations {
    ToolAnnotations::new()
        .with_title("Search")
        .with_read_only_hint(true)
        .with_destructive_hint(false)
        .with_idempotent_hint(true)
        .with_open_world_hint(false)
}

fn tools(values: &mut Values) {
    values.modern("Tool", tool());
    values.both("ToolAnnotations", tool_annotations());
    values.both("ListToolsResult", list_tools_result());
    values.both("PaginatedResult", list_tools_result());
    values.modern("CacheableResult", list_tools_result());
    values.modern("CallToolRequestParams", call_tool_params());
    values.both("CallToolResult", call_tool_result());
    values.both("CallToolResult", complete(CallToolResult::error("no such book")));
    values.modern(
        "CallToolResult",
        complete(CallToolResult::new().with_structured_content(Value::Null)),
    );
}

pub(super) fn list_tools_result() -> ListToolsResult {
    cached(ListToolsResult::new([tool()]).with_next_cursor("page-2"))
}

pub(super) fn call_tool_params() -> CallToolRequestParams {
    CallToolRequestParams::new("search_books")
        .with_arguments(object(json!({"query": "bees", "limit": 3})))
        .with_input_responses(super::client::input_responses())
        .with_request_state("opaque")
        .with_meta(request_meta())
}

pub(super) fn call_tool_result() -> CallToolResult {
    complete(
        CallToolResult::from_text("two books")
            .with_structured_content(json!({"count": 2, "price": 12.5}))
            .with_is_error(false),
    )
}

fn resources(values: &mut Values) {
    let resource = Resource::new("file:///a", "a")
        .with_title("A")
        .with_description("The first letter")
        .with_mime_type("text/plain")
        .with_size(1)
        .with_icons([icon()])
        .with_annotations(annotations())
        .with_meta(any_meta());
    let template = ResourceTemplate::new("book://{isbn}", "book")
        .with_title("Book")
        .with_description("A book by its number")
        .with_mime_type("text/plain")
        .with_icons([icon()])
        .with_annotations(annotations())
        .with_meta(any_meta());
    let text = TextResourceContents::new("file:///a", "a")
        .with_mime_type("text/plain")
        .with_meta(any_meta());
    let blob = BlobResourceContents::new("file:///b", "AAEC")
        .with_mime_type("image/png")
        .with_meta(any_meta());
    values.both("Resource", &resource);
    values.both("ResourceTemplate", &template);
    values.both("TextResourceContents", &text);
    values.both("BlobResourceContents", &blob);
    values.both("ResourceContents", &text);
    values.both(
        "ListResourcesResult",
        cached(ListResourcesResult::new([resource]).with_next_cursor("page-2")),
    );
    values.both(
        "ListResourceTemplatesResult",
        cached(ListResourceTemplatesResult::new([template]).with_next_cursor("")),
    );
    values.both(
        "ReadResourceRequestParams",
        ReadResourceRequestParams::new("file:///a")
            .with_input_responses(super::client::input_responses())
            .with_request_state("opaque")
            .with_meta(request_meta()),
    );
    let contents: [ResourceContents; 2] = [text.into(), blob.into()];
    values.both("ReadResourceResult", cached(ReadResourceResult::new(contents)));
    let of_resource = ResourceRequestParams::new("file:///a").with_meta(request_meta());
    values.both("ResourceRequestParams", &of_resource);
    values.legacy("SubscribeRequestParams", &of_resource);
    values.legacy("UnsubscribeRequestParams", &of_resource);
    values.both(
        "ResourceUpdatedNotificationParams",
        ResourceUpdatedNotificationParams::new("file:///a").with_meta(notification_meta()),
    );
}

fn prompts(values: &mut Values) {
    let argument = PromptArgument::new("genre")
        .with_title("Genre")
        .with_description("What to look for")
        .with_required(true);
    let prompt = Prompt::new("recommend")
        .with_title("Recommend")
        .with_description("Recommends a book")
        .with_arguments([argument.clone()])
        .with_icons([icon()])
        .with_meta(any_meta());
    values.both("PromptArgument", argument);
    values.both("Prompt", &prompt);
    values.both("PromptMessage", PromptMessage::user("a book, please"));
    values
        .both("ListPromptsResult", cached(ListPromptsResult::new([prompt]).with_next_cursor("2")));
    values.both(
        "GetPromptRequestParams",
        GetPromptRequestParams::new("recommend")
            .with_arguments(BTreeMap::from([("genre".to_owned(), "crime".to_owned())]))
            .with_input_responses(super::client::input_responses())
            .with_request_state("opaque")
            .with_meta(request_meta()),
    );
    let messages = [
        PromptMessage::user("a book, please"),
        PromptMessage::assistant(ContentBlock::image("AAEC", "image/png")),
    ];
    values.both(
        "GetPromptResult",
        complete(GetPromptResult::new(messages).with_description("Recommends a book")),
    );
}

fn completion(values: &mut Values) {
    let prompt = PromptReference::new("recommend").with_title("Recommend");
    let template = ResourceTemplateReference::new("book://{isbn}");
    values.both("PromptReference", &prompt);
    values.both("ResourceTemplateReference", &template);
    for reference in [CompletionReference::from(prompt), template.into()] {
        let context = CompletionContext::new()
            .with_arguments(BTreeMap::from([("language".to_owned(), "en".to_owned())]));
        values.both(
            "CompleteRequestParams",
            CompleteRequestParams::new(reference, CompletionArgument::new("genre", "cr"))
                .with_context(context)
                .with_meta(request_meta()),
        );
    }
    let proposals = Completion::new(["crime".to_owned()]).with_total(1).with_has_more(false);
    values.both("CompleteResult", complete(CompleteResult::new(proposals)));
}

fn notifications(values: &mut Values) {
    values.both("LoggingMessageNotificationParams", log_message());
    values.legacy(
        "SetLevelRequestParams",
        SetLevelRequestParams::new(LoggingLevel::Notice).with_meta(any_meta()),
    );
    values.both("ProgressNotificationParams", progress());
    values.both(
        "CancelledNotificationParams",
        CancelledNotificationParams::new()
            .with_request_id(1)
            .with_reason("not needed")
            .with_meta(notification_meta()),
    );
    values.modern("SubscriptionFilter", filter());
    values.modern(
        "SubscriptionsListenRequestParams",
        SubscriptionsListenRequestParams::new(filter()).with_meta(request_meta()),
    );
    values.modern("SubscriptionsListenResult", SubscriptionsListenResult::of("listen-1"));
    values.modern(
        "SubscriptionsAcknowledgedNotificationParams",
        SubscriptionsAcknowledgedNotificationParams::new(filter()).with_meta(notification_meta()),
    );
}

pub(super) fn log_message() -> LoggingMessageNotificationParams {
    LoggingMessageNotificationParams::new(LoggingLevel::Warning, json!({"slow": [1, 2.5]}))
        .with_logger("catalog")
        .with_meta(notification_meta())
}

pub(super) fn progress() -> ProgressNotificationParams {
    ProgressNotificationParams::new("token-1", 12.5)
        .with_total(50)
        .with_message("half a quarter")
        .with_meta(notification_meta())
}

pub(super) fn filter() -> SubscriptionFilter {
    SubscriptionFilter::new()
        .with_tools_list_changed(true)
        .with_prompts_list_changed(false)
        .with_resources_list_changed(true)
        .with_resource_subscriptions(["file:///a".to_owned()])
}

fn mrtr(values: &mut Values) {
    let requests = super::client::input_requests();
    for (_, request) in requests.iter() {
        values.modern("InputRequest", request);
    }
    values.modern("InputRequests", &requests);
    values.modern("InputRequiredResult", input_required());
    let responses = super::client::input_responses();
    for (_, response) in responses.iter() {
        values.modern("InputResponse", response);
    }
    values.modern("InputResponses", &responses);
    values.modern(
        "InputResponseRequestParams",
        InputResponseRequestParams::new()
            .with_input_responses(responses)
            .with_request_state("opaque")
            .with_meta(request_meta()),
    );
}

pub(super) fn input_required() -> InputRequiredResult {
    InputRequiredResult::input_required()
        .with_input_requests(super::client::input_requests())
        .with_request_state("opaque")
        .with_meta(result_meta())
}

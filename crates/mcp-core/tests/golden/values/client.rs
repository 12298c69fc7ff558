use super::*;

pub(super) fn add(values: &mut Values) {
    let tool_use = tool_use();
    let tool_result = tool_result();
    values.both("ToolUseContent", &tool_use);
    values.both("ToolResultContent", &tool_result);
    values.both("SamplingMessageContentBlock", SamplingContent::text("hello"));
    values.both("SamplingMessageContentBlock", SamplingContent::from(tool_use));
    values.both("SamplingMessageContentBlock", SamplingContent::from(tool_result));
    for message in messages() {
        values.both("SamplingMessage", message);
    }
    let hint = ModelHint::new().with_name("small");
    values.both("ModelHint", &hint);
    values.both("ModelPreferences", model_preferences());
    values.both("ToolChoice", ToolChoice::new().with_mode(ToolChoiceMode::Required));
    values.modern("CreateMessageRequestParams", create_message_params());
    values.both("CreateMessageResult", create_message_result());

    let root = Root::new("file:///home").with_name("Home").with_meta(any_meta());
    values.both("Root", &root);
    values.both("ListRootsResult", ListRootsResult::new([root]).with_meta(any_meta()));

    values.both("ElicitRequestFormParams", form_params());
    values.both("ElicitRequestURLParams", url_params());
    values.both("ElicitRequestParams", ElicitRequestParams::from(form_params()));
    values.both("ElicitRequestParams", ElicitRequestParams::from(url_params()));
    values.both("ElicitResult", elicit_result());
    values.both("ElicitResult", ElicitResult::new(ElicitAction::Decline));
    values.modern("CreateMessageRequest", CreateMessageRequest::new(create_message_params()));
    values.modern("ElicitRequest", ElicitRequest::new(form_params()));
    values.modern("ListRootsRequest", list_roots_request());
}

fn tool_use() -> ToolUseContent {
    ToolUseContent::new("use-1", "search_books", object(json!({"query": "bees"})))
        .with_meta(any_meta())
}

fn tool_result() -> ToolResultContent {
    ToolResultContent::new("use-1")
        .with_content([ContentBlock::text("two books")])
        .with_structured_content(json!({"count": 2}))
        .with_is_error(false)
        .with_meta(any_meta())
}

fn messages() -> [SamplingMessage; 3] {
    [
        SamplingMessage::user("a book, please").with_meta(any_meta()),
        SamplingMessage::assistant(vec![tool_use().into()]),
        SamplingMessage::user(vec![tool_result().into()]),
    ]
}

fn model_preferences() -> ModelPreferences {
    ModelPreferences::new()
        .with_hints([ModelHint::new().with_name("small")])
        .with_cost_priority(0.25)
        .with_speed_priority(1)
        .with_intelligence_priority(0)
}

pub(super) fn create_message_params() -> CreateMessageRequestParams {
    CreateMessageRequestParams::new(messages(), 100)
        .with_model_preferences(model_preferences())
        .with_system_prompt("Be brief")
        .with_include_context(IncludeContext::None)
        .with_temperature(0.7)
        .with_stop_sequences(["END".to_owned()])
        .with_metadata(object(json!({"tier": "free"})))
        .with_tools([super::server::tool()])
        .with_tool_choice(ToolChoice::new().with_mode(ToolChoiceMode::Auto))
}

fn create_message_result() -> CreateMessageResult {
    CreateMessageResult::new(Role::Assistant, "two books", "small-1")
        .with_stop_reason(StopReason::EndTurn)
        .with_meta(any_meta())
}

pub(super) fn form_params() -> ElicitRequestFormParams {
    let form = ElicitSchema::new()
        .with_schema("https://json-schema.org/draft/2020-12/schema")
        .with_properties(super::forms::fields())
        .with_required(["name".to_owned()]);
    ElicitRequestFormParams::new("Who are you?", form).with_mode(ElicitMode::Form)
}

pub(super) fn url_params() -> ElicitRequestUrlParams {
    ElicitRequestUrlParams::new("Please log in", "https://example.com/login")
        .with_elicitation_id("elicitation-1")
}

fn elicit_result() -> ElicitResult {
    ElicitResult::new(ElicitAction::Accept)
        .with_content(object(json!({"name": "Ada", "age": 36, "ok": true, "genres": ["crime"]})))
        .with_meta(any_meta())
}

fn list_roots_request() -> ListRootsRequest {
    ListRootsRequest::new().with_params(RequestParams::new().with_meta(any_meta()))
}

pub(super) fn input_requests() -> Entries<InputRequest> {
    Entries::from([
        ("name", InputRequest::from(ElicitRequest::new(form_params()))),
        ("login", ElicitRequest::new(url_params()).into()),
        ("book", CreateMessageRequest::new(create_message_params()).into()),
        ("roots", list_roots_request().into()),
    ])
}

pub(super) fn input_responses() -> Entries<InputResponse> {
    Entries::from([
        ("name", InputResponse::from(elicit_result())),
        ("login", ElicitResult::new(ElicitAction::Cancel).into()),
        ("book", create_message_result().into()),
        ("roots", ListRootsResult::new([Root::new("file:///home")]).into()),
    ])
}

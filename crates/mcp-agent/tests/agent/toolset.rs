use std::time::Duration;

use mcp_agent::{AgentErrorKind, Api, OmissionReason, OutputLimits, ToolCall, Toolset};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::server::{Shop, open, tool};

async fn toolset(api: Api, shop: &Shop) -> Toolset {
    let mut tools = Toolset::new(api);
    tools.add(&open(shop).await).await.unwrap();
    tools
}

fn names(tools: &Toolset) -> Vec<&str> {
    tools.tools().map(|tool| tool.name()).collect()
}

/// Waits for a change of the declarations.
async fn changed(tools: &mut Toolset) {
    let all = async {
        tools.changed().await;
        assert!(tools.refresh().await.unwrap());
    };
    timeout(Duration::from_secs(60), all).await.expect("no change was reported");
}

#[tokio::test(start_paused = true)]
async fn tools_are_called_in_their_sessions() {
    let (one, two) =
        (Shop::modern(json!([tool("search"), tool("a.b")])), Shop::legacy(json!([tool("search")])));
    let mut tools = toolset(Api::Anthropic, &one).await;
    let session = open(&two).await;
    tools.add(&session).await.unwrap();
    tools.add_as("web", &session).await.unwrap();
    let names: Vec<String> = names(&tools).into_iter().map(str::to_owned).collect();
    let [a, b, c, d] = &names[..] else { panic!("{names:?}") };
    assert_eq!((a.as_str(), d.as_str()), ("search", "web_search"));
    assert!(b.starts_with("a_b_") && c.starts_with("search_"), "{names:?}");

    let calls = [a, b, c, d].map(|name| ToolCall::new("1", name, r#"{"x": 1}"#));
    let outputs = tools.run_all(&calls).await;
    assert!(outputs.iter().all(|output| !output.is_error()));
    let called = |shop: &Shop| -> Vec<Value> {
        shop.asked("tools/call").into_iter().map(|mut it| it["name"].take()).collect()
    };
    assert_eq!(called(&one), ["search", "a.b"]);
    assert_eq!(called(&two), ["search", "search"]);
}

#[tokio::test(start_paused = true)]
async fn changes_of_tools_are_followed_in_both_eras() {
    for shop in
        [Shop::modern(json!([tool("a"), tool("b")])), Shop::legacy(json!([tool("a"), tool("b")]))]
    {
        let mut tools = toolset(Api::OpenAiChat, &shop).await;
        assert!(!tools.refresh().await.unwrap());
        assert_eq!(shop.asked("tools/list").len(), 1, "nothing was reported");

        shop.change(json!([tool("b"), tool("c")]));
        changed(&mut tools).await;
        assert_eq!(names(&tools), ["b", "c"]);
        let gone = tools.call(&ToolCall::new("1", "a", "{}")).await.unwrap_err();
        assert_eq!(gone.kind(), AgentErrorKind::UnknownTool);

        // The same list is no change of the declarations.
        shop.change(json!([tool("b"), tool("c")]));
        timeout(Duration::from_secs(60), tools.changed()).await.unwrap();
        assert!(!tools.refresh().await.unwrap());
        shop.change(json!([tool("c"), tool("a")]));
        changed(&mut tools).await;
        assert_eq!(names(&tools), ["c", "a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_ended_subscription_is_reopened_and_no_change_is_missed() {
    let shop = Shop::modern(json!([tool("a")]));
    let mut tools = toolset(Api::Gemini, &shop).await;
    shop.hang_up();
    shop.change(json!([tool("b")]));
    changed(&mut tools).await;
    assert_eq!(names(&tools), ["b"]);
    shop.change(json!([tool("c")]));
    changed(&mut tools).await;
    assert_eq!(names(&tools), ["c"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_reports_is_listed_again_by_reload() {
    let shop = Shop::silent(json!([tool("a")]));
    let mut tools = toolset(Api::Gemini, &shop).await;
    shop.change(json!([tool("b")]));
    assert!(!tools.refresh().await.unwrap());
    assert!(timeout(Duration::from_secs(3600), tools.changed()).await.is_err());
    assert!(tools.reload().await.unwrap());
    assert_eq!(names(&tools), ["b"]);
    assert!(shop.asked("subscriptions/listen").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failed_session_does_not_affect_others() {
    let (one, two) = (Shop::legacy(json!([tool("a")])), Shop::legacy(json!([tool("b")])));
    let (session, mut tools) = (open(&one).await, Toolset::new(Api::Anthropic));
    tools.add(&session).await.unwrap();
    tools.add(&open(&two).await).await.unwrap();
    session.close().await.unwrap();
    two.change(json!([tool("c")]));
    let error = tools.reload().await.unwrap_err();
    assert_eq!(error.kind(), AgentErrorKind::Call);
    assert!(error.call().is_some() && error.to_string().starts_with("shop: "), "{error}");
    assert_eq!(names(&tools), ["a", "c"]);
    assert!(tools.add(&session).await.is_err());
    let outputs = tools.run_all(&[ToolCall::new("1", "a", ""), ToolCall::new("2", "c", "")]).await;
    assert!(outputs[0].is_error() && !outputs[1].is_error());
    assert_eq!(outputs[0].error().unwrap().kind(), AgentErrorKind::Call);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_refresh_loses_no_change() {
    let (one, two) = (Shop::legacy(json!([tool("a")])), Shop::legacy(json!([tool("x")])));
    let mut tools = toolset(Api::Gemini, &one).await;
    tools.add(&open(&two).await).await.unwrap();
    one.change(json!([tool("b")]));
    two.change(json!([tool("y")]));
    two.set_stuck(true);
    timeout(Duration::from_secs(60), tools.changed()).await.unwrap();
    // The first server has answered by then, the second has not.
    assert!(timeout(Duration::from_secs(5), tools.refresh()).await.is_err());
    assert_eq!(one.asked("tools/list").len(), 2);
    two.set_stuck(false);
    assert!(tools.refresh().await.unwrap());
    assert_eq!(names(&tools), ["b", "y"]);
}

#[tokio::test(start_paused = true)]
async fn ten_calls_run_in_parallel() {
    let shop = Shop::modern(json!([tool("meet")]));
    let tools = toolset(Api::OpenAiResponses, &shop).await;
    // Each waits for the nine others.
    let calls: Vec<ToolCall> =
        (0..10).map(|id| ToolCall::new(id.to_string(), "meet", "")).collect();
    let all = tokio::spawn(tools.run_all(&calls));
    let outputs = timeout(Duration::from_secs(60), all).await.unwrap().unwrap();
    let ids: Vec<&str> = outputs.iter().map(|output| output.id()).collect();
    assert_eq!(ids, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[tokio::test(start_paused = true)]
async fn mistakes_of_the_model_are_results_for_the_model() {
    let shop = Shop::modern(json!([tool("web_search")]));
    let tools = toolset(Api::Anthropic, &shop).await;
    for (name, arguments, kind, text) in [
        (
            "search",
            "{}",
            AgentErrorKind::UnknownTool,
            "search: there is no such tool, did you mean \"web_search\"?",
        ),
        ("nothing", "{}", AgentErrorKind::UnknownTool, "nothing: there is no such tool"),
        (
            "web_search",
            "{\"a\": ",
            AgentErrorKind::Arguments,
            "web_search: the arguments are not JSON: EOF",
        ),
        (
            "web_search",
            "[1]",
            AgentErrorKind::Arguments,
            "web_search: the arguments are not a JSON object",
        ),
        (
            "web_search",
            "{} {}",
            AgentErrorKind::Arguments,
            "web_search: the arguments are not JSON: trailing",
        ),
    ] {
        let output = tools.run(&ToolCall::new("1", name, arguments)).await;
        assert!(output.is_error());
        assert_eq!(output.error().unwrap().kind(), kind);
        let message = &tools.messages([&output])[0]["content"][0];
        assert_eq!(message["is_error"], true);
        assert!(message["content"][0]["text"].as_str().unwrap().starts_with(text), "{message}");
    }
    assert!(shop.asked("tools/call").is_empty());
}

#[tokio::test(start_paused = true)]
async fn arguments_keep_their_notation() {
    let shop = Shop::modern(json!([{"name": "t", "inputSchema": {"type": "object",
        "properties": {"n": {"type": "integer"}, "o": {"type": "string"}}, "required": ["n"]}}]));
    let chat = toolset(Api::OpenAiChat, &shop).await;
    assert!(chat.get("t").unwrap().declaration().is_strict());
    chat.call(&ToolCall::new("1", "t", r#"{"n": 7, "o": null}"#)).await.unwrap();
    chat.call(&ToolCall::new("2", "t", " ")).await.unwrap();
    chat.call(&ToolCall::new("3", "t", "null")).await.unwrap();
    let sent: Vec<Value> =
        shop.asked("tools/call").into_iter().map(|mut it| it["arguments"].take()).collect();
    assert_eq!(sent, [json!({"n": 7}), json!({}), json!({})]);

    let mut tools = Toolset::new(Api::OpenAiChat).with_strict(false);
    tools.add(&open(&shop).await).await.unwrap();
    assert!(!tools.get("t").unwrap().declaration().is_strict());
    let number = "123456789012345678901234567890";
    let call = ToolCall::new("1", "t", format!(r#"{{"n": {number}, "o": null}}"#));
    let arguments = tools.get("t").unwrap().declaration().arguments(&call.arguments).unwrap();
    assert_eq!(arguments.as_bytes(), call.arguments.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn filtered_tools_and_tools_for_apps_are_not_declared() {
    let shop = Shop::modern(json!([
        tool("a"),
        {"name": "b", "inputSchema": {}, "_meta": {"ui": {"resourceUri": "ui://b", "visibility": ["app"]}}},
        {"name": "c", "inputSchema": {}, "annotations": {"readOnlyHint": true}},
        tool("a"),
    ]));
    assert_eq!(names(&toolset(Api::Gemini, &shop).await), ["a", "c"]);
    let mut tools = Toolset::new(Api::Gemini).with_filter(|tool| tool.hints().is_read_only());
    tools.add(&open(&shop).await).await.unwrap();
    assert_eq!(names(&tools), ["c"]);
    let hidden = tools.call(&ToolCall::new("1", "b", "{}")).await.unwrap_err();
    assert_eq!(hidden.kind(), AgentErrorKind::UnknownTool);
}

#[tokio::test(start_paused = true)]
async fn results_beyond_the_limits_are_cut_with_a_note() {
    let image = json!({"type": "image", "data": "AAAAAAAA", "mimeType": "image/png"});
    let shop = Shop::modern(json!([tool("t"), {"name": "u", "inputSchema": {},
            "_meta": {"ui": {"resourceUri": "ui://u"}}}]))
    .with_result(
        "t",
        json!({
            "content": [{"type": "text", "text": "x".repeat(30)}, image, image],
            "structuredContent": {"more": 1},
        }),
    )
    .with_result(
        "u",
        json!({
            "content": [{"type": "text", "text": "12 degrees"}],
            "structuredContent": {"degrees": 12, "hours": [1, 2]},
        }),
    );
    let limits = OutputLimits::new().with_text(20).with_media(8);
    let mut tools = Toolset::new(Api::Anthropic).with_limits(limits);
    tools.add(&open(&shop).await).await.unwrap();
    let output = tools.call(&ToolCall::new("1", "t", "")).await.unwrap();
    let content = &tools.messages([&output])[0]["content"][0]["content"];
    assert_eq!(
        content[0]["text"],
        format!("{}\n[text, 10 bytes left out: too large]", "x".repeat(20))
    );
    assert_eq!(content[1]["type"], "image");
    assert_eq!(content[2]["text"], "[image/png, 8 bytes left out: too large]");
    assert_eq!(content[3]["text"], "[structured content, 10 bytes left out: too large]");
    let reasons: Vec<OmissionReason> = output.omitted().iter().map(|it| it.reason).collect();
    use OmissionReason::{ForApp, MediaLimit, TextLimit};
    assert_eq!(reasons, [TextLimit, MediaLimit, TextLimit]);
    assert_eq!(output.result().content.len(), 3);

    // Structured content is for the app.
    let output = tools.call(&ToolCall::new("1", "u", "")).await.unwrap();
    assert_eq!(
        tools.messages([&output])[0]["content"][0]["content"],
        json!([{"type": "text", "text": "12 degrees"}])
    );
    assert_eq!((output.omitted().len(), output.omitted()[0].reason), (1, ForApp));
}

#[tokio::test(start_paused = true)]
async fn a_prepared_call_can_be_changed() {
    let shop = Shop::modern(json!([tool("t")]));
    let tools = toolset(Api::OpenAiChat, &shop).await;
    let call = ToolCall::new("1", "t", r#"{"a": 1}"#);
    let result = tools.prepare(&call).unwrap().timeout(Duration::from_secs(5)).await.unwrap();
    let output = tools.output(&call, result);
    assert_eq!(tools.messages([&output])[0]["content"], r#"{"a":1}"#);
}

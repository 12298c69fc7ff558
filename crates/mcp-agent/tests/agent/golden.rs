//! Declarations and results in the shapes that the APIs document, as their official SDKs type them:
//!
//! - Chat Completions: `ChatCompletionFunctionToolParam`, `ChatCompletionToolMessageParam`, and for media
//!   `ChatCompletionContentPartParam`;
//! - Responses: `FunctionToolParam`, `FunctionCallOutput`;
//! - Anthropic: `ToolParam`, `ToolResultBlockParam`;
//! - Gemini: `FunctionDeclaration`, `FunctionResponse`.

use mcp_agent::{Api, OutputLimits, ToolCall, ToolOutput, Toolset};
use serde_json::{Value, json};

use crate::server::{Shop, open};

fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

async fn check(api: Api, golden: &str) {
    let golden = read(golden);
    let shop = Shop::modern(read(include_str!("../golden/tools.json")));
    let mut tools = Toolset::new(api);
    tools.add(&open(&shop).await).await.unwrap();
    let declared = tools.declarations();
    assert_eq!(declared, golden["tools"], "{declared:#}");

    let results = read(include_str!("../golden/results.json"));
    let outputs = results.as_array().unwrap().iter().map(|one| {
        let name = |at: usize| one["call"][at].as_str().unwrap();
        let call = ToolCall::new(name(0), name(1), "{}");
        let result = serde_json::from_value(one["result"].clone()).unwrap();
        ToolOutput::new(api, &call, result, OutputLimits::default())
    });
    let outputs: Vec<ToolOutput> = outputs.collect();
    let messages = Value::Array(api.messages(&outputs));
    assert_eq!(messages, golden["messages"], "{messages:#}");
    assert!(outputs[2].is_error() && !outputs[3].is_error());
    assert_eq!(api.messages([]), [] as [Value; 0]);
}

#[tokio::test]
async fn chat_completions() {
    check(Api::OpenAiChat, include_str!("../golden/open_ai_chat.json")).await;
}

#[tokio::test]
async fn responses() {
    check(Api::OpenAiResponses, include_str!("../golden/open_ai_responses.json")).await;
}

#[tokio::test]
async fn anthropic() {
    check(Api::Anthropic, include_str!("../golden/anthropic.json")).await;
}

#[tokio::test]
async fn gemini() {
    check(Api::Gemini, include_str!("../golden/gemini.json")).await;
}

#[test]
fn calls_are_read_from_replies_in_documented_shapes() {
    let arguments = r#"{"location":"Lisbon"}"#;
    let input = json!({"location": "Lisbon"});
    let function = json!({"name": "get_weather", "arguments": arguments});
    let chat = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "1", "type": "function", "function": function},
        {"id": "2", "type": "custom", "custom": {"name": "grep", "input": "x"}},
    ]});
    let responses = json!([
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "id": "fc_1", "call_id": "1", "name": "get_weather", "arguments": arguments},
    ]);
    let anthropic = json!({"role": "assistant", "content": [
        {"type": "text", "text": "Let me see"},
        {"type": "server_tool_use", "id": "0", "name": "web_search", "input": {}},
        {"type": "tool_use", "id": "1", "name": "get_weather", "input": input},
    ]});
    let gemini = json!({"role": "model", "parts": [
        {"text": "Let me see"},
        {"functionCall": {"id": "1", "name": "get_weather", "args": input}, "thoughtSignature": "x"},
    ]});
    for (api, message, body) in [
        (Api::OpenAiChat, chat.clone(), json!({"choices": [{"message": chat}]})),
        (Api::OpenAiResponses, responses.clone(), json!({"output": responses})),
        (Api::Anthropic, anthropic.clone(), anthropic),
        (Api::Gemini, gemini.clone(), json!({"candidates": [{"content": gemini}]})),
    ] {
        let call = ToolCall::new("1", "get_weather", arguments);
        let call = [call];
        assert_eq!(api.tool_calls(&message).unwrap(), call, "{api:?}");
        assert_eq!(api.tool_calls(&body).unwrap(), call);
        assert_eq!(api.tool_calls(&json!({"error": "overloaded"})).unwrap(), []);
    }
    let without_id = json!({"parts": [{"functionCall": {"name": "now"}}]});
    assert_eq!(Api::Gemini.tool_calls(&without_id).unwrap(), [ToolCall::new("", "now", "")]);
    let nameless = json!({"content": [{"type": "tool_use", "id": "1", "input": {}}]});
    assert_eq!(
        Api::Anthropic.tool_calls(&nameless).unwrap_err().to_string(),
        "a call without a name"
    );
    let odd = json!([{"type": "function_call", "call_id": "1", "name": "now", "arguments": [1]}]);
    assert!(Api::OpenAiResponses.tool_calls(&odd).is_err());
}

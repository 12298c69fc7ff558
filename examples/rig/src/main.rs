//! A [rig](https://docs.rs/rig-core) model with the tools of an MCP server. The model and the server are part of this
//! program.
//!
//! ```text
//! cd examples/rig && cargo run
//! ```

use std::error::Error;

use mcp_client::{
    Client, Server,
    agent::{AgentTool, Api, ToolCall, Toolset},
    server::JsonSchema,
};
use rig_core::{
    completion::{CompletionRequest, ToolDefinition},
    message::{Message, ToolName, ToolResultContent},
    test_utils::{MockCompletionModel, MockTurn},
};
use serde_json::{Value, json};

#[derive(serde::Deserialize, JsonSchema)]
struct Forecast {
    /// The city.
    city: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder("weather")
        .tool("forecast", "The forecast for a city", |it: Forecast| async move {
            format!("cold in {}", it.city)
        })
        .build();
    let session = Client::new(server)?.connect().await?;
    // The API of the model determines the format of schemas and results.
    let mut tools = Toolset::new(Api::Anthropic);
    tools.add(&session).await?;

    // A real model: Anthropic::from_env()?.completion(anthropic::CLAUDE_SONNET_5_5)
    let model = MockCompletionModel::from_turns([
        MockTurn::tool_call("toolu_1", "forecast", json!({ "city": "Oslo" })),
        MockTurn::text("Take a coat."),
    ]);

    let mut history = Vec::new();
    let mut prompt = Message::user("What should I wear in Oslo?");
    loop {
        tools.refresh().await?;
        let declared = tools.tools().map(definition).collect::<Result<Vec<_>, _>>()?;
        let request =
            CompletionRequest::new(prompt.clone()).messages(history.clone()).tools(declared);
        let response = model.call(request).await?;

        let calls: Vec<ToolCall> = response
            .tool_calls()
            .map(|call| {
                let arguments = Value::Object(call.function.arguments.clone()).to_string();
                let name = call.function.name.to_string();
                ToolCall::new(call.id.to_string(), name, arguments)
            })
            .collect();
        if calls.is_empty() {
            println!("{}", response.text());
            break;
        }
        let outputs = tools.run_all(&calls).await;
        let results = response.tool_calls().zip(&outputs).map(|(call, output)| {
            println!("{}: {}", output.name(), output.text());
            let content = vec![ToolResultContent::text(output.text())];
            match output.is_error() {
                true => call.error_result(content),
                false => call.result(content),
            }
        });
        let results = Message::tool_results(results.collect());
        history.push(prompt);
        history.extend(response.message());
        prompt = results;
    }
    Ok(session.close().await?)
}

/// Converts the declaration of a tool into that of rig.
fn definition(tool: &AgentTool) -> Result<ToolDefinition, Box<dyn Error>> {
    let declaration = tool.declaration();
    let description = declaration.description().unwrap_or_default();
    let schema = Value::Object(declaration.schema().clone());
    Ok(ToolDefinition::new(ToolName::new(declaration.name())?, description, schema))
}

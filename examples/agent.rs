//! An agent: a language model with the tools of three servers of one configuration, which makes ten calls in parallel.
//!
//! The model is scripted and the servers are this program, so that nothing has to be installed:
//!
//! ```text
//! cargo run --example agent
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use std::{error::Error, time::Duration, time::Instant};

use mcp_client::{
    Client, McpConfig, Server,
    agent::{Api, Toolset},
    server::JsonSchema,
};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Some(name) = std::env::args().nth(1) {
        return Ok(server(&name).serve_stdio().await?);
    }
    // `McpConfig::from_file` reads any `mcpServers` file.
    let program = std::env::current_exe()?;
    let server = |name: &str| json!({ "command": program, "args": [name] });
    let servers = ["weather", "library", "clock"].map(|name| (name.to_owned(), server(name)));
    let config = json!({ "mcpServers": serde_json::Map::from_iter(servers) });
    let client = Client::new(&McpConfig::from_str(&config.to_string())?)?;
    let session = client.connect().await?;

    let mut tools = Toolset::new(Api::OpenAiResponses);
    tools.add(&session).await?;
    for tool in tools.tools() {
        println!("{} (strict: {})", tool.name(), tool.declaration().is_strict());
        tool.declaration().changes().iter().for_each(|change| println!("    {change}"));
    }

    let question = "What should I wear, and what should I read?";
    let mut input = vec![json!({ "role": "user", "content": question })];
    loop {
        tools.refresh().await?;
        let request = json!({ "model": "any", "input": input, "tools": tools.declarations() });

        // A real client: http.post(URL).bearer_auth(KEY).json(&request).send().await?.json().await?
        let reply = scripted_model(&request);

        input.extend(reply["output"].as_array().into_iter().flatten().cloned());
        let calls = tools.tool_calls(&reply)?;
        if calls.is_empty() {
            println!("{}", reply["output"][0]["content"][0]["text"].as_str().unwrap_or_default());
            break;
        }
        let start = Instant::now();
        let outputs = tools.run_all(&calls).await;
        println!("{} calls in {:?}", outputs.len(), start.elapsed());
        for output in &outputs {
            println!("    {}: {}", output.name(), output.result().text());
        }
        input.extend(tools.messages(&outputs));
    }
    session.close().await?;
    Ok(client.close().await?)
}

/// Requests ten calls first, then responds with an answer.
fn scripted_model(request: &Value) -> Value {
    let results = request["input"].as_array().into_iter().flatten();
    if results.filter(|item| item["type"] == "function_call_output").count() == 10 {
        let text = "Take a coat, read Dune, and hurry.";
        let content = json!([{ "type": "output_text", "text": text }]);
        return json!({ "output": [{ "type": "message", "role": "assistant", "content": content }] });
    }
    let forecasts = ["Lisbon", "Oslo", "Quito", "Hanoi"]
        .map(|city| ("weather_forecast", json!({ "city": city, "days": null })));
    let books =
        ["Dune", "Emma", "Ulysses"].map(|title| ("library_find", json!({ "title": title })));
    let times = [-3, 0, 9].map(|offset| ("clock_time", json!({ "offset": offset })));
    let calls = forecasts.into_iter().chain(books).chain(times).enumerate();
    let output = calls.map(|(number, (name, arguments))| {
        let (id, arguments) = (format!("call_{number}"), arguments.to_string());
        json!({ "type": "function_call", "call_id": id, "name": name, "arguments": arguments })
    });
    json!({ "output": output.collect::<Vec<_>>() })
}

#[derive(serde::Deserialize, JsonSchema)]
struct Forecast {
    /// The city.
    city: String,
    /// The number of days. Default: one.
    days: Option<u32>,
}

#[derive(serde::Deserialize, JsonSchema)]
struct Find {
    /// Words in the title.
    title: String,
}

#[derive(serde::Deserialize, JsonSchema)]
struct Time {
    /// Hours ahead of UTC.
    offset: i32,
}

/// One of the three servers. Its tool takes half a second.
fn server(name: &str) -> Server {
    let pause = || tokio::time::sleep(Duration::from_millis(500));
    let server = Server::builder(name);
    let server = match name {
        "weather" => {
            server.tool("forecast", "The forecast for a city", move |it: Forecast| async move {
                pause().await;
                format!("{} cold days in {}", it.days.unwrap_or(1), it.city)
            })
        }
        "library" => server.tool("find", "Find a book", move |it: Find| async move {
            pause().await;
            format!("{} is on the shelf", it.title)
        }),
        _ => server.tool("time", "The time in a zone", move |it: Time| async move {
            pause().await;
            format!("{}:00", (12 + it.offset).rem_euclid(24))
        }),
    };
    server.build()
}

//! A server that elicits input from the user: a form, filled in at the terminal.
//!
//! `cargo run --example elicitation` prompts the user; without a terminal (`< /dev/null`) the defaults of the form are
//! used.

#![allow(clippy::print_stdout, reason = "an example")]

use std::io::{BufRead, Write};

use mcp_client::{
    Client, Server,
    server::Context,
    types::{
        CallToolResult, ContentBlock, ElicitAction, ElicitRequestFormParams, ElicitResult,
        ErrorObject, InputRequiredResult, InputResponse, Outcome,
    },
};
use serde_json::{Map, Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Setting the handler declares the capability, in both eras of the protocol. Its result is completed with the
    // defaults and validated against the form before it is sent.
    let client = Client::new(bookshop())?.on_elicitation(|asked| async move {
        println!("{} asks: {}", asked.server, asked.params.message);
        // Reading the terminal blocks, so it must not run on a thread of the runtime.
        let filled_in = tokio::task::spawn_blocking(move || fill_in(&asked.params)).await;
        match filled_in {
            Ok(Some(content)) => ElicitResult::new(ElicitAction::Accept).with_content(content),
            _ => ElicitResult::new(ElicitAction::Cancel),
        }
    });
    let session = client.connect().await?;
    let result = session.call_tool("order").await?;
    println!("{}", result.text());
    Ok(session.close().await?)
}

/// Prompts for each field; an empty input keeps its default.
fn fill_in(form: &ElicitRequestFormParams) -> Option<Map<String, Value>> {
    let mut content = Map::new();
    for (name, _) in form.requested_schema.properties.iter() {
        print!("  {name}: ");
        std::io::stdout().flush().ok()?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).ok()?;
        match line.trim() {
            "" => {}
            // A JSON number or literal, otherwise a string.
            text => drop(content.insert(
                name.to_owned(),
                serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            )),
        }
    }
    println!();
    Some(content)
}

fn bookshop() -> Server {
    Server::builder("Bookshop")
        .tool("order", "Orders a book", |_: (), cx: Context| async move {
            let answers = cx.input_responses();
            match answers.get("order") {
                Some(InputResponse::Elicit(answer)) => {
                    let text = match &answer.content {
                        Some(content) => format!("ordered {}", Value::from(content.clone())),
                        None => format!("not ordered: {}", answer.action.as_str()),
                    };
                    let content = [ContentBlock::text(text)];
                    Ok(Outcome::from(CallToolResult::new().with_content(content)))
                }
                // No input yet: the client shall obtain it and call again.
                _ => ask().map_err(|error| ErrorObject::new(-32603, error.to_string())),
            }
        })
        .build()
}

fn ask() -> Result<Outcome<CallToolResult>, serde_json::Error> {
    let form = json!({ "order": { "method": "elicitation/create", "params": {
        "message": "Which book, and how many?",
        "requestedSchema": {
            "type": "object",
            "properties": {
                "title": { "type": "string", "default": "Dune" },
                "copies": { "type": "integer", "minimum": 1, "maximum": 9, "default": 1 },
            },
            "required": ["title", "copies"],
        },
    } } });
    let requests = serde_json::from_value::<mcp_client::types::Entries<_>>(form)?;
    let input = InputRequiredResult::input_required().with_input_requests(requests);
    Ok(Outcome::InputRequired(input))
}

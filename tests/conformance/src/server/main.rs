//! `conformance-server`: the features that the official conformance suite tests, as far as `Server` supports them,
//! served by `mcp-serve`.
//!
//! Prints its URL, and exits at the end of its standard input.
#![allow(clippy::print_stdout, reason = "the caller reads the URL there")]

mod rounds;

use std::{io::Read, thread, time::Duration};

use mcp_client::{
    server::{Context, JsonSchema, Server, ServerBuilder},
    types::{
        ClientCapabilities, ContentBlock, ErrorObject, LoggingLevel,
        MissingRequiredClientCapabilityData, PromptMessage, SamplingCapability,
        TextResourceContents,
    },
};
use mcp_serve::{Http, Listener};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A red pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// No sound.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

/// Uses the keywords that the suite checks.
const SCHEMA: &str = r##"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": {
        "$anchor": "addressDef",
        "type": "object",
        "properties": {"street": {"type": "string"}, "city": {"type": "string"}}
    }},
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"}
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": false
}"##;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::builder("conformance").version("1.0");
    let server = rounds::add(prompts(resources(tools(server)))).build();
    let listener = Listener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    println!("http://{address}/mcp");
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    thread::spawn(move || {
        // Any result means that the input has ended.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(ended);
    });
    listener.serve(Http::new(server), async { drop(end.await) }).await;
}

fn tools(server: ServerBuilder) -> ServerBuilder {
    let schema: Map<String, Value> =
        serde_json::from_str(SCHEMA).expect("the schema is a JSON object");
    server
        .tool("test_simple_text", "A text", |_: ()| async {
            "This is a simple text response for testing."
        })
        .tool("test_image_content", "An image", |_: ()| async { image() })
        .tool("test_audio_content", "A sound", |_: ()| async {
            ContentBlock::audio(WAV, "audio/wav")
        })
        .tool("test_embedded_resource", "A resource", |_: ()| async {
            embedded("test://embedded-resource", "This is an embedded resource content.")
        })
        .tool("test_multiple_content_types", "One of each", |_: ()| async {
            let text = ContentBlock::text("Multiple content types test:");
            vec![text, image(), embedded("test://mixed-content-resource", r#"{"test":"data"}"#)]
        })
        .tool("test_tool_with_logging", "Logs", |_: (), cx: Context| async move {
            for step in ["started", "processing data", "completed"] {
                cx.log(LoggingLevel::Info, format!("Tool execution {step}")).await;
                pause().await;
            }
            "logged"
        })
        .tool("test_logging_tool", "Logs where that is wanted", |_: (), cx: Context| async move {
            cx.log(LoggingLevel::Info, "logged").await;
            "logged"
        })
        .tool("test_tool_with_progress", "Tells its progress", |_: (), cx: Context| async move {
            for done in [0, 50, 100] {
                cx.progress(done).total(100).await;
                pause().await;
            }
            "done"
        })
        .tool("test_error_handling", "Fails", |_: ()| async {
            Err::<(), _>("This tool intentionally returns an error for testing")
        })
        .tool("test_missing_capability", "Needs a model", |_: (), cx: Context| async move {
            if cx.client_capabilities().sampling.is_some() {
                return Ok("there is a model");
            }
            let needed = ClientCapabilities::new().with_sampling(SamplingCapability::new());
            Err(ErrorObject::from(MissingRequiredClientCapabilityData::new(needed)))
        })
        .tool_with(
            "json_schema_2020_12_tool",
            "Has a rich schema",
            |mut tool| {
                tool.input_schema = schema;
                tool
            },
            |_: Map<String, Value>| async { "ok" },
        )
}

fn resources(server: ServerBuilder) -> ServerBuilder {
    server
        .resource_with(
            "test://static-text",
            "text",
            |it| it.with_mime_type("text/plain"),
            |_| async { "This is the content of the static text resource." },
        )
        .resource_with(
            "test://static-binary",
            "image",
            |it| it.with_mime_type("image/png"),
            |_| async { b"\x89PNG\r\n\x1a\n".to_vec() },
        )
        .resource_template_with(
            "test://template/{id}/data",
            "data",
            |it| it.with_mime_type("application/json"),
            |read| async move {
                let id = read.variable("id");
                format!(r#"{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}"#)
            },
        )
}

#[derive(Deserialize, JsonSchema)]
struct Two {
    arg1: String,
    arg2: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Embed {
    resource_uri: String,
}

fn prompts(server: ServerBuilder) -> ServerBuilder {
    server
        .prompt("test_simple_prompt", "A prompt", |_: ()| async {
            "This is a simple prompt for testing."
        })
        .prompt("test_prompt_with_arguments", "Takes two", |two: Two| async move {
            format!("Prompt with arguments: arg1='{}', arg2='{}'", two.arg1, two.arg2)
        })
        .prompt("test_prompt_with_embedded_resource", "Embeds", |embed: Embed| async move {
            let content = embedded(&embed.resource_uri, "Embedded resource content for testing.");
            let please = PromptMessage::user("Please process the embedded resource above.");
            vec![PromptMessage::user(content), please]
        })
        .prompt("test_prompt_with_image", "Has an image", |_: ()| async {
            vec![
                PromptMessage::user(image()),
                PromptMessage::user("Please analyze the image above."),
            ]
        })
        .completion(|_| async { vec!["paris", "park", "party"] })
}

fn image() -> ContentBlock {
    ContentBlock::image(PNG, "image/png")
}

fn embedded(uri: &str, text: &str) -> ContentBlock {
    let mut contents = TextResourceContents::new(uri, text);
    contents.mime_type = Some("text/plain".to_owned());
    ContentBlock::resource(contents)
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

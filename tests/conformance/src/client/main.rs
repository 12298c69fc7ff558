//! `conformance-client URL`: started by the official conformance suite for each of its scenarios.
//!
//! It uses only the public API of `mcp-client`, as an application would: connects, lists, calls, answers, closes. It
//! prints errors to stderr.

mod auth;

use std::{env, error::Error, process::ExitCode, thread, time::Duration};

use futures_util::future::try_join_all;
use mcp_client::{
    Client, EraPolicy, ServerRequest, Session,
    skills::{Files, Skills, SkillsExtension},
    types::{ElicitAction, ElicitRequestFormParams, ElicitResult, Tool},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Below the limit of the suite, which kills a client silently.
const TIME_LIMIT: Duration = Duration::from_secs(25);

/// Context that some scenarios pass to the client in addition to its URL.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Context {
    tool_calls: Vec<ToolCall>,
}

impl Context {
    fn load() -> Result<Self> {
        Ok(match env::var("MCP_CONFORMANCE_CONTEXT") {
            Ok(context) => serde_json::from_str(&context)?,
            Err(_) => Self::default(),
        })
    }
}

#[derive(Deserialize)]
struct ToolCall {
    name: String,
    arguments: Map<String, Value>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    thread::spawn(|| {
        thread::sleep(TIME_LIMIT);
        eprintln!("not done after {TIME_LIMIT:?}");
        std::process::exit(2);
    });
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result {
    let url = env::args().nth(1).ok_or("usage: conformance-client URL")?;
    let scenario = env::var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
    let mut client = Client::new(&url)?.on_elicitation(agree).extension(SkillsExtension::new());
    if scenario.starts_with("auth/") {
        client = client.auth(auth::oauth(&scenario)?);
    }
    if let Ok(wire) = env::var("MCP_CONFORMANCE_PROTOCOL_VERSION") {
        client = client.era(EraPolicy::Pinned(wire.parse()?));
    }
    let session = client.connect().await?;
    match scenario.as_str() {
        "http-custom-headers" => call_as_told(&session).await?,
        "json-schema-2020-12-preservation" => echo_schema(&session).await?,
        "sep-2640-client-no-prefetch" => drop(Skills::of(&session)?.list().await?),
        scenario if scenario.starts_with("sep-2640-") => use_skills(&session).await?,
        // The servers of these scenarios do not implement what they list.
        "initialize" | "json-schema-ref-no-deref" | "request-metadata" => {
            session.list_tools().await?;
        }
        _ => use_everything(&session).await?,
    }
    Ok(session.close().await?)
}

/// A user who accepts every form unchanged.
async fn agree(_: ServerRequest<ElicitRequestFormParams>) -> ElicitResult {
    ElicitResult::new(ElicitAction::Accept)
}

/// Lists everything, calls every tool, reads every resource and gets every prompt; requests of one kind are concurrent.
async fn use_everything(session: &Session) -> Result {
    let offered = session.capabilities();
    if offered.tools.is_some() {
        let tools = session.list_tools().await?;
        try_join_all(tools.iter().map(async |tool| {
            let call = session.call_tool(&tool.name).args(sample(tool));
            Result::Ok(call.await?.into_result()?)
        }))
        .await?;
    }
    if offered.resources.is_some() {
        let resources = session.list_resources().await?;
        try_join_all(resources.iter().map(|it| session.read_resource(&it.uri).into_future()))
            .await?;
    }
    if offered.prompts.is_some() {
        let prompts = session.list_prompts().await?;
        try_join_all(prompts.iter().map(|it| session.get_prompt(&it.name).into_future())).await?;
    }
    Ok(())
}

/// Reads all files of all skills.
async fn use_skills(session: &Session) -> Result {
    let skills = Skills::of(session)?;
    for skill in skills.list().await? {
        let loaded = skills.load(&skill).await?;
        if let Files::Listed(files) = &skill.files {
            try_join_all(files.iter().map(|file| loaded.read(&file.uri))).await?;
        }
    }
    Ok(())
}

/// Valid arguments of a tool: a value for each required one.
fn sample(tool: &Tool) -> Value {
    let schema = &tool.input_schema;
    let wanted = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let some = |name: &str| match schema["properties"][name]["type"].as_str() {
        Some("integer" | "number") => json!(2),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("something"),
    };
    wanted.filter_map(Value::as_str).map(|name| (name, some(name))).collect()
}

/// Calls the tools listed by the suite, with its arguments.
async fn call_as_told(session: &Session) -> Result {
    session.list_tools().await?;
    for ToolCall { name, arguments } in Context::load()?.tool_calls {
        session.call_tool(&name).args(arguments).await?.into_result()?;
    }
    Ok(())
}

/// Passes the schema of one tool to the other.
async fn echo_schema(session: &Session) -> Result {
    const ECHO: &str = "json_schema_echo";
    let tools = session.list_tools().await?;
    let rich = tools.iter().find(|tool| tool.name != ECHO).ok_or("no tool with a schema")?;
    session.call_tool(ECHO).arg("schema", &rich.input_schema).await?.into_result()?;
    Ok(())
}

//! A server of the official Rust SDK: both eras. For clients that declare the tasks extension, it creates tasks for
//! `slow`, `wait` and, after it has requested the roots, `echo`.
//!
//! Command line of every peer (see `common.py`), without `events` and `sse`:
//!
//! ```text
//! rmcp-peer stdio
//! rmcp-peer http PORT [json] [stateless]
//! ```

use std::sync::LazyLock;
use std::time::Duration;

use rmcp::handler::server::tool::ToolCallContext;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, ContentBlock,
    CreateTaskResult, GetPromptResult, GetTaskParams, GetTaskResult, Implementation, InputRequest,
    ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams,
    ProgressNotificationParam, PromptMessage, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, Resource, ResourceContents, ResourceTemplate, Role, ServerCapabilities,
    ServerConfig, UpdateTaskParams,
};
use rmcp::service::RequestContext;
use rmcp::task_manager::{TaskContext, TaskExit, TaskManager, TaskOptions};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt, prompt, prompt_handler, prompt_router,
    schemars, tool, tool_handler, tool_router,
};
use serde::Deserialize;

#[derive(Deserialize, schemars::JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Slow {
    steps: u32,
    ms: u64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Fail {
    message: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Big {
    bytes: usize,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Wait {
    ms: u64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Greet {
    name: String,
}

#[derive(Clone)]
struct Peer;

/// Tasks of all clients: over HTTP each request has its own `Peer`.
static TASKS: LazyLock<TaskManager> = LazyLock::new(TaskManager::new);

/// The work of a task: that of `slow`, in steps reported in its status, or of the other two.
async fn work(
    tool: String,
    arguments: rmcp::model::JsonObject,
    context: TaskContext,
) -> Result<CallToolResult, TaskExit> {
    let number = |name: &str| arguments.get(name).and_then(|it| it.as_u64()).unwrap_or_default();
    let pause = Duration::from_millis(number("ms"));
    let text = match &*tool {
        "slow" => {
            for step in 1..=number("steps") {
                context.set_status_message(format!("step {step}"));
                tokio::time::sleep(pause).await;
            }
            "done".to_owned()
        }
        "echo" => {
            let roots = InputRequest::ListRoots(Default::default());
            let answer = context.request_input("roots", roots).await?;
            answer["roots"][0]["uri"].as_str().unwrap_or("no root").to_owned()
        }
        _ => {
            eprintln!("waiting");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = context.cancelled() => {
                    eprintln!("task cancelled");
                    return Err(TaskExit::Cancelled);
                }
            }
            "waited".to_owned()
        }
    };
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]))
}

#[tool_router]
impl Peer {
    #[tool(description = "Returns the text")]
    fn echo(&self, Parameters(Echo { text }): Parameters<Echo>) -> String {
        text
    }

    #[tool(description = "Adds two numbers")]
    fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> String {
        (a + b).to_string()
    }

    #[tool(description = "Reports progress `steps` times, each after `ms` milliseconds")]
    async fn slow(
        &self,
        Parameters(Slow { steps, ms }): Parameters<Slow>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        for step in 1..=steps {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let Some(token) = context.meta.get_progress_token() else {
                continue;
            };
            let progress = ProgressNotificationParam::new(token, f64::from(step))
                .with_total(f64::from(steps))
                .with_message(format!("step {step}"));
            let sent = context.peer.notify_progress(progress).await;
            sent.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        }
        Ok("done".to_owned())
    }

    #[tool(description = "Fails with the message")]
    fn fail(&self, Parameters(Fail { message }): Parameters<Fail>) -> CallToolResult {
        CallToolResult::error(vec![ContentBlock::text(message)])
    }

    #[tool(description = "Returns a text of so many characters")]
    fn big(&self, Parameters(Big { bytes }): Parameters<Big>) -> String {
        "x".repeat(bytes)
    }

    #[tool(description = "Sleeps; says `waiting` on stderr, and `cancelled` when it is cut short")]
    async fn wait(
        &self,
        Parameters(Wait { ms }): Parameters<Wait>,
        context: RequestContext<RoleServer>,
    ) -> String {
        eprintln!("waiting");
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(ms)) => {}
            () = context.ct.cancelled() => eprintln!("cancelled"),
        }
        "waited".to_owned()
    }
}

#[prompt_router]
impl Peer {
    #[prompt(description = "Greets somebody")]
    fn greet(&self, Parameters(Greet { name }): Parameters<Greet>) -> GetPromptResult {
        let text = format!("Hello, {name}!");
        GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)])
    }
}

#[tool_handler(router = Self::tool_router())]
#[prompt_handler(router = Self::prompt_router())]
impl ServerHandler for Peer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .enable_tasks()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("rmcp", "3.11.0"))
            .with_instructions("the tools of the peers")
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let has_tasks = context.client_capabilities().is_some_and(|it| it.supports_tasks());
        if has_tasks && matches!(&*request.name, "slow" | "wait" | "echo") {
            let (tool, arguments) =
                (request.name.to_string(), request.arguments.unwrap_or_default());
            let options = TaskOptions::new().with_poll_interval_ms(100);
            let task =
                TASKS.spawn(options, move |context| Box::pin(work(tool, arguments, context)));
            return Ok(CallToolResponse::Task(CreateTaskResult::new(task)));
        }
        Self::tool_router().call(ToolCallContext::new(self, request, context)).await
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        TASKS.get_task(&request.task_id).map(GetTaskResult::new)
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        TASKS.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        TASKS.cancel_task(&request.task_id)
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let greeting = Resource::new("test://greeting", "greeting").with_mime_type("text/plain");
        Ok(ListResourcesResult::with_all_items(vec![greeting]))
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let item = ResourceTemplate::new("test://item/{id}", "item").with_mime_type("text/plain");
        Ok(ListResourceTemplatesResult::with_all_items(vec![item]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let text = match request.uri.strip_prefix("test://") {
            Some("greeting") => "hello".to_owned(),
            Some(rest) if rest.starts_with("item/") => rest.replacen('/', " ", 1),
            _ => return Err(ErrorData::resource_not_found("no such resource", None)),
        };
        Ok(ReadResourceResult::new(vec![ResourceContents::text(text, request.uri)]).into())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] | ["stdio"] => {
            Peer.serve(rmcp::transport::stdio()).await?.waiting().await?;
            Ok(())
        }
        ["http", port, ref options @ ..] => http(port.parse()?, options).await,
        _ => Err("usage: rmcp-peer [stdio | http PORT [json] [stateless]]".into()),
    }
}

async fn http(port: u16, options: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
    let mut config = StreamableHttpServerConfig::default();
    config.json_response = options.contains(&"json");
    config.legacy_session_mode = !options.contains(&"stateless");
    let service: StreamableHttpService<Peer, LocalSessionManager> =
        StreamableHttpService::new(|| Ok(Peer), Default::default(), config);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    eprintln!("listening on http://{}/mcp", listener.local_addr()?);
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await?;
    Ok(())
}

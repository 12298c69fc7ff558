//! The official Rust SDK and this library together, in both directions: an SDK client over these transports, and an SDK
//! server in this process below a session.
//!
//! `cargo run --example rmcp`, optionally with the URL or command of any server.

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_client::{Client, Server, Stdio, StreamableHttp, rmcp::RmcpServer, transport::Connect};
use rmcp::{
    RoleServer, ServerHandler, ServiceExt,
    handler::server::wrapper::Parameters,
    model::{Implementation, ProgressNotificationParam, ServerCapabilities, ServerConfig},
    service::RequestContext,
    tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::Deserialize;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &*args {
        // Without a command, this program is also the server.
        [] => client_of_the_sdk(Stdio::new(std::env::current_exe()?).arg("--serve")).await?,
        [serve] if serve == "--serve" => return Ok(clock().serve_stdio().await?),
        [url] if url.starts_with("http") => client_of_the_sdk(StreamableHttp::new(url)?).await?,
        [command, args @ ..] => client_of_the_sdk(Stdio::new(command).args(args)).await?,
    }
    server_of_the_sdk().await
}

/// This library provides processes and connections; the SDK does the rest.
async fn client_of_the_sdk(server: impl Connect) -> Result<(), Box<dyn std::error::Error>> {
    let mut client = ().serve(mcp_client::rmcp::transport(server).await?).await?;
    for tool in client.list_all_tools().await? {
        println!("tool {}: {}", tool.name, tool.description.unwrap_or_default());
    }
    client.close().await?;
    Ok(())
}

fn clock() -> Server {
    Server::builder("Clock").tool("tick", "Tells that it lives", |()| async { "tock" }).build()
}

#[derive(Clone)]
struct Countdown;

#[derive(Deserialize, JsonSchema)]
struct From {
    /// The first number.
    from: u32,
}

#[tool_router]
impl Countdown {
    #[tool(description = "Counts down")]
    async fn count_down(
        &self,
        Parameters(From { from }): Parameters<From>,
        context: RequestContext<RoleServer>,
    ) -> String {
        for left in (1..=from).rev() {
            if let Some(token) = context.meta.get_progress_token() {
                let progress = ProgressNotificationParam::new(token, f64::from(from - left + 1));
                // A disconnected caller needs no progress.
                let _ = context.peer.notify_progress(progress.with_total(f64::from(from))).await;
            }
        }
        "lift-off".to_owned()
    }
}

#[tool_handler(router = Self::tool_router())]
impl ServerHandler for Countdown {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("Countdown", "1"))
    }
}

/// No process and no serialization: the SDK server is a target like any other.
async fn server_of_the_sdk() -> Result<(), Box<dyn std::error::Error>> {
    let session = Client::new(RmcpServer::new(Countdown))?.connect().await?;
    println!("connected to {} in {}", session.name(), session.protocol_version());
    let call = session.call_tool("count_down").arg("from", 3).on_progress(|progress| {
        println!("progress {}", progress.progress);
    });
    println!("result: {}", call.await?.text());
    Ok(session.close().await?)
}

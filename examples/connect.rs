//! Connects to any server, prints its description and lists, and calls one of its tools.
//!
//! ```text
//! cargo run --example connect -- https://example.com/mcp
//! cargo run --example connect -- server.py echo '{"text": "hello"}'
//! cargo run --example connect -- -- npx -y @modelcontextprotocol/server-everything
//! cargo run --example connect -- echo '{"message": "hello"}' -- uvx some-server --its-flag
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use std::process::ExitCode;

use mcp_client::{Client, Error, Stdio};

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (named, command) = match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (&args[..], &[][..]),
    };
    let (client, call) = match (named, command) {
        (call, [command, args @ ..]) => (Client::new(Stdio::new(command).args(args)), call),
        ([target, call @ ..], []) => (Client::new(&**target), call),
        ([], []) => {
            eprintln!(
                "usage: connect TARGET [TOOL JSON], or connect [TOOL JSON] -- COMMAND ARGS..."
            );
            return ExitCode::FAILURE;
        }
    };
    let run = async { show(client?, call).await };
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn show(client: Client, call: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let session = client.connect().await?;
    if let Some(server) = session.server_info() {
        println!("server   {} {}", server.name, server.version);
    }
    println!("version  {} ({:?} era)", session.protocol_version(), session.era());
    if session.capabilities().tools.is_some() {
        for tool in session.list_tools().await? {
            let description = tool.description.unwrap_or_default();
            println!("tool     {}: {}", tool.name, description.lines().next().unwrap_or_default());
        }
    }
    let result = match call {
        [] => Ok(()),
        [tool] => print_call(&session, tool, "{}").await,
        [tool, args, ..] => print_call(&session, tool, args).await,
    };
    session.close().await?;
    result
}

async fn print_call(
    session: &mcp_client::Session,
    tool: &str,
    args: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let args: serde_json::Value = serde_json::from_str(args)
        .map_err(|error| format!("the arguments of {tool} are not JSON: {error}"))?;
    let call = session.call_tool(tool).args(args).on_progress(|progress| {
        println!("progress {:?}: {}", progress.progress, progress.message.unwrap_or_default());
    });
    let result: Result<_, Error> = call.await;
    println!("result   {}", result?.into_result()?.text());
    Ok(())
}

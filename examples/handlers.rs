//! A client that handles the requests of a server during a call: forms, sampling, roots. It also shows log messages and
//! progress.
//!
//! ```text
//! cargo run --example handlers
//! cargo run --example handlers -- npx -y @modelcontextprotocol/server-everything
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_client::{
    Client, Handlers, Stdio,
    types::{
        CreateMessageResult, ElicitAction, ElicitResult, ErrorObject, Role, Root, SamplingContent,
    },
};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1);
    let server = match args.next() {
        Some(command) => Stdio::new(command).args(args),
        None => Stdio::npx("@modelcontextprotocol/server-everything").into_program(),
    };
    let handlers = Handlers::new()
        .on_elicitation(|asked| async move {
            println!("{} asks: {}", asked.server, asked.params.message);
            let content = json!({ "name": "Ann" }).as_object().cloned().unwrap_or_default();
            // Missing fields get the defaults of the form.
            ElicitResult::new(ElicitAction::Accept).with_content(content)
        })
        .on_sampling(|asked| async move {
            let Some(question) = asked.params.messages.last() else {
                return Err(ErrorObject::new(-32602, "no message"));
            };
            println!("{} asks a model: {question:?}", asked.server);
            let text = SamplingContent::text("a poem");
            Ok(CreateMessageResult::new(Role::Assistant, text, "a poet"))
        })
        .on_roots(|_| async { vec![Root::new("file:///srv/shop")] })
        .on_log(|log| println!("{} logs: {:?}", log.server, log.params.data));

    let client = Client::new(server)?.name("everything").handlers(handlers);
    let session = client.connect().await?;
    for tool in ["trigger-elicitation-request", "trigger-sampling-request", "get-roots-list"] {
        let result = session.call_tool(tool).arg("prompt", "write one").await?;
        println!("{tool}: {}", result.text());
    }
    let result = session
        .call_tool("trigger-long-running-operation")
        .args(json!({ "duration": 2, "steps": 10 }))
        .on_progress(|progress| {
            let done = progress.progress.to_f64();
            let total = progress.total.map_or(done, |total| total.to_f64());
            println!(
                "[{:<20}] {done:.0} of {total:.0}",
                "#".repeat((done / total * 20.0) as usize)
            );
        })
        .await?;
    println!("{}", result.text());
    Ok(client.close().await?)
}

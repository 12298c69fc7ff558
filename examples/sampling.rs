//! A server that samples the client's model. The model is a few lines of Rust, and the server is the reference server
//! of the protocol, started with npx; any other server can be named.
//!
//! ```text
//! cargo run --example sampling
//! cargo run --example sampling -- my-server --flag
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_client::{
    Client, Stdio,
    types::{CreateMessageRequestParams, CreateMessageResult, ErrorObject, Role, SamplingContent},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1);
    let server = match args.next() {
        Some(command) => Stdio::new(command).args(args),
        None => Stdio::npx("@modelcontextprotocol/server-everything").into_program(),
    };
    let client = Client::new(server)?.name("everything").on_sampling(|asked| async move {
        println!("{} asks a model: {:?}", asked.server, asked.params.messages);
        complete(&asked.params)
    });
    let session = client.connect().await?;
    let call = session.call_tool("trigger-sampling-request").arg("prompt", "praise the sea");
    println!("{}", call.await?.text());
    Ok(client.close().await?)
}

/// A real client would call its model here, possibly after asking its user.
fn complete(asked: &CreateMessageRequestParams) -> Result<CreateMessageResult, ErrorObject> {
    if asked.messages.is_empty() {
        return Err(ErrorObject::new(-32602, "there is nothing to answer"));
    }
    let text = format!("The sea, the sea, in {} tokens at the most.", asked.max_tokens);
    Ok(CreateMessageResult::new(Role::Assistant, SamplingContent::text(text), "a poet"))
}

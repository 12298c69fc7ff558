//! The stdio transport alone, below a custom protocol layer: raw requests in, raw messages out.
//!
//! `cargo run --example embed_stdio`, optionally with the command of any server.

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_core::{Message, RawJson, Request};
use mcp_transport::{Connect, Connection, Envelope, Transport};
use mcp_transport_stdio::Stdio;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let stdio = match &*args {
        // Without a command, this program is also the server.
        [] => Stdio::new(std::env::current_exe()?).arg("--serve"),
        [serve] if serve == "--serve" => return Ok(server().serve_stdio().await?),
        [command, args @ ..] => Stdio::new(command).args(args),
    };
    let Connection { transport, mut inbound, .. } = stdio.connect().await?;
    println!("started process {:?}", transport.pid());

    let params = serde_json::json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "embedded", "version": "1" },
    });
    let request = Request::new(1, "initialize").with_params(RawJson::from_serialize(&params)?);
    let mut exchange = transport.request(Envelope::new(request)).await?;
    while let Some(message) = exchange.next().await {
        match message? {
            Message::Response(response) => println!("answer: {:?}", response.outcome),
            message => println!("before the answer: {message:?}"),
        }
    }

    transport.close().await?;
    while let Some(item) = inbound.next().await {
        println!("outside of any request: {item:?}");
    }
    Ok(())
}

fn server() -> mcp_client::Server {
    mcp_client::Server::builder("Embedded").build()
}

//! Serves a process as a URL, or a URL as a process:
//!
//! ```text
//! cargo run --example proxy -- uvx mcp-server-time
//! cargo run --example proxy -- https://example.com/mcp
//! ```
//!
//! The first command listens at `http://127.0.0.1:8808/mcp`, and at `/sse` for clients of revision 2024-11-05; each
//! session has its own process. The second command is a server for hosts that can only start processes.
#![allow(clippy::print_stderr, reason = "an example")]

use mcp_client::{Stdio, StreamableHttp};
use mcp_serve::{Http, Listener, Relay, Routes, serve_stdio};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let target = words.next().ok_or("name a program with its arguments, or a URL")?;
    if target.starts_with("http://") || target.starts_with("https://") {
        let mut server = StreamableHttp::new(&target)?;
        if let Ok(token) = std::env::var("TOKEN") {
            server = server.bearer_token(token);
        }
        return Ok(serve_stdio(Relay::new(server)).await?);
    }
    let http = Http::new(Relay::new(Stdio::new(target).args(words)));
    let listener = Listener::bind("127.0.0.1:8808").await?;
    eprintln!("http://{}/mcp", listener.local_addr()?);
    listener
        .serve(Routes::new(http).sse_path("/sse"), async { drop(tokio::signal::ctrl_c().await) })
        .await;
    Ok(())
}

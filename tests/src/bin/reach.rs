//! `reach TARGET`: connects to a target, calls the tool `echo`, and prints the result.

use mcp_client::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = std::env::args().nth(1).ok_or("usage: reach TARGET")?;
    let session = Client::new(&target)?.connect().await?;
    let echo = session.call_tool("echo").arg("text", "reached").await?;
    let name = session.server_info().map_or("", |server| &server.name);
    eprintln!("{name} {} {}", session.protocol_version(), echo.into_result()?.text());
    Ok(session.close().await?)
}

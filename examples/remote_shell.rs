//! Logs in from a shell on a remote machine: prints the login URL, and reads the URL where the browser ended.
//!
//! ```text
//! ssh host cargo run --example remote_shell -- https://mcp.example.com/mcp
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use mcp_client::{Client, OAuth, oauth::Terminal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: remote_shell URL")?;
    let auth = OAuth::new().user_agent(Terminal::new()).login_timeout(Duration::from_secs(900));
    // The time of the login does not count as idle time of the server.
    let session = Client::new(url)?.auth(auth).connect().await?;
    println!("{:?}", session.server_info());
    session.close().await?;
    Ok(())
}

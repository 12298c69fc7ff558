//! Logs in with the browser and stores the token: the second run needs no login.
//!
//! ```text
//! cargo run --example oauth -- https://mcp.example.com/mcp
//! cargo run --example oauth -- https://mcp.example.com/mcp logout
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_client::{
    Client, OAuth,
    oauth::{Event, FileStore},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("usage: oauth URL [logout]")?;
    let auth =
        OAuth::new().store(FileStore::user()?).client_name("oauth example").on_event(|event| {
            match event {
                Event::LoginStarted { server, .. } => {
                    println!("log in to {server} in your browser")
                }
                Event::BrowserFailed { url, .. } => println!("open this page: {}", url.as_str()),
                event => println!("{event:?}"),
            }
        });
    if args.next().as_deref() == Some("logout") {
        return Ok(auth.logout(&url).await?);
    }
    let session = Client::new(&url)?.auth(&auth).connect().await?;
    for tool in session.list_tools().await? {
        println!("{}", tool.name);
    }
    println!("{:?}", auth.status(&url).await?);
    session.close().await?;
    Ok(())
}

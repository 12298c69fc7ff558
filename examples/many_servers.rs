//! The servers of one `mcpServers` file behind one session: a Python script by its path, an npm package, and a server
//! behind a URL. Servers that fail are reported; the others work.
//!
//! ```text
//! pip install mcp
//! npx -y @modelcontextprotocol/server-everything streamableHttp &
//! cargo run --example many_servers
//! cargo run --example many_servers -- ~/.cursor/mcp.json
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_client::{Client, McpConfig, Session, group::ItemKind};

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/many_servers/servers.json");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| CONFIG.to_owned());
    let config = McpConfig::from_file(&file)?;
    let client = Client::new(&config)?.name("my servers");
    let session = client.connect().await?;

    if let Some(group) = client.group() {
        for server in group.status() {
            let revision = server.protocol_version.map(|version| version.to_string());
            println!("{:12} {:?} {}", server.name, server.state, revision.unwrap_or_default());
            println!("             {}", server.target);
            if let Some(error) = server.last_error {
                println!("             {error}");
            }
        }
        for collision in group.collisions() {
            println!("collision    {collision:?}");
        }
    }
    for tool in session.list_tools().await? {
        println!("tool         {}", tool.name);
    }
    for resource in session.list_resources().await?.into_iter().take(3) {
        println!("resource     {}", resource.uri);
    }
    for (tool, arguments) in [
        ("weather_forecast", serde_json::json!({ "city": "Lisbon" })),
        ("everything_add", serde_json::json!({ "a": 2, "b": 40 })),
        ("remote_echo", serde_json::json!({ "message": "hello" })),
    ] {
        call(&client, &session, tool, arguments).await;
    }
    if let Ok(icon) = session.read_resource("weather://weather/icons/sunny").await {
        println!("icon         {}", icon.contents[0].as_text().unwrap_or_default());
    }
    session.close().await?;
    Ok(client.close().await?)
}

async fn call(client: &Client, session: &Session, tool: &str, arguments: serde_json::Value) {
    let origin = client.group().and_then(|group| group.route(ItemKind::Tool, tool));
    if origin.is_none() {
        return;
    }
    match session.call_tool(tool).args(arguments).await {
        Ok(result) => println!("{tool}: {}", result.text()),
        Err(error) => println!("{tool}: {error}"),
    }
}

//! Authorizes the requests of any HTTP service, here between a trace layer and a client with custom settings.
//!
//! ```text
//! RUST_LOG=tower_http=debug cargo run --example authorized_tower -- https://mcp.example.com/mcp
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_client::{
    Client, OAuth, StreamableHttp,
    http::{Authorized, HttpClient},
};
use tower::ServiceBuilder;
use tower_http::trace::TraceLayer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let url = std::env::args().nth(1).ok_or("usage: authorized_tower URL")?;
    let client = HttpClient::builder().user_agent("authorized-tower/1.0").build()?;
    // The proxy and certificates of the client also apply to the authorization server.
    let auth = OAuth::new().http(client.clone()).for_server(&url)?;
    let service = Authorized::new(client, auth);
    let service = ServiceBuilder::new().layer(TraceLayer::new_for_http()).service(service);

    let server = StreamableHttp::new(&url)?.with_service(service);
    let session = Client::new(server)?.connect().await?;
    for tool in session.list_tools().await? {
        println!("{}", tool.name);
    }
    session.close().await?;
    Ok(())
}

//! Authorizes the requests of any HTTP service, here below a trace and above a client with its own settings.
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
    // Its proxy and certificates are used for the authorization server too.
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

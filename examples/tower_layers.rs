//! Layers around a transport: each wraps a whole exchange, from the request to its response.
//!
//! `RUST_LOG=trace cargo run --example tower_layers`

#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use mcp_client::Server;
use mcp_core::{RawJson, Request};
use mcp_transport::{
    Connect, Connection, Envelope,
    tower::{ConcurrencyLimitLayer, TimeoutLayer, TraceLayer, TransportService},
};
use mcp_transport_memory::Memory;
use tower_layer::Layer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let server = Server::builder("Sloth")
        .tool("nap", "Sleeps for a second", |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            "slept"
        })
        .build();

    let Connection { transport, .. } = Memory::new(server).connect().await?;
    let transport = TraceLayer::new().layer(transport);
    let transport = ConcurrencyLimitLayer::new(8).layer(transport);
    let transport = TimeoutLayer::new(Duration::from_millis(200)).layer(transport);

    // Any tower middleware can wrap the transport as a service.
    let service = tower::ServiceBuilder::new().service(TransportService::new(transport));
    let params = serde_json::json!({
        "name": "nap",
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    });
    let request = Request::new(1, "tools/call").with_params(RawJson::from_serialize(&params)?);
    let version = mcp_core::ProtocolVersion::LATEST_MODERN;
    let exchange =
        tower::ServiceExt::oneshot(service, Envelope::new(request).with_version(version)).await?;
    match exchange.response().await {
        Ok(response) => println!("answer: {:?}", response.outcome),
        Err(error) => println!("as it should be, too late: {error}"),
    }
    Ok(())
}

//! The hostile peer as the server, on every system.

mod command;
mod exit;
mod shutdown;
mod start;
mod streams;
#[cfg(windows)]
mod windows;

use std::time::Duration;

use mcp_core::{Request, Response};
use mcp_testkit::{hostile_peer_command, within};
use mcp_transport::{Connect, Connection, Envelope, Error, Exchange, Transport};
use mcp_transport_stdio::{Stderr, Stdio, StdioTransport};

/// The longest time of what takes milliseconds: an emulated system starts processes slowly.
const SOON: Duration = Duration::from_secs(5);

/// The hostile peer with these steps.
fn peer(steps: &[&str]) -> Stdio {
    Stdio::new(hostile_peer_command()).args(steps).stderr(Stderr::Null)
}

async fn connect<R: Send + Sync + 'static>(stdio: Stdio<R>) -> Connection<StdioTransport> {
    stdio.connect().await.unwrap()
}

fn request(id: i64) -> Envelope<Request> {
    Request::new(id, "tools/list").into()
}

async fn open(transport: &StdioTransport, id: i64) -> Exchange {
    transport.request(request(id)).await.unwrap()
}

async fn call(transport: &StdioTransport, id: i64) -> Result<Response, Error> {
    within(async { transport.request(request(id)).await?.response().await }).await
}

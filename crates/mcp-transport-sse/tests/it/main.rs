//! HTTP+SSE against scripted servers.

#![allow(clippy::unwrap_used, reason = "tests")]

mod failures;
mod messages;
mod opening;
mod renewal;
mod server;
mod settings;
mod trace;

use std::time::Duration;

use mcp_core::{Message, Notification, ProtocolVersion, RawJson, Request, Response};
use mcp_transport::{
    Backoff, Connect, Connection, Envelope, Error, Inbound, InboundItem, Transport,
};
use mcp_transport_sse::{Sse, SseTransport};

const LEGACY: ProtocolVersion = ProtocolVersion::LATEST_LEGACY;

/// Everything here is local: what takes longer than this hangs.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("it hangs")
}

/// A server description with short waits.
fn at(url: &str) -> Sse {
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(100));
    Sse::new(url).unwrap().backoff(backoff.with_attempts(3))
}

async fn open(url: &str) -> Connection<SseTransport> {
    soon(at(url).connect()).await.unwrap()
}

fn request(id: i64, method: &'static str) -> Envelope<Request> {
    Envelope::new(Request::new(id, method)).with_version(LEGACY)
}

async fn ask<T: Transport>(
    transport: &T,
    id: i64,
    method: &'static str,
) -> Result<Response, Error> {
    soon(async { transport.request(request(id, method)).await?.response().await }).await
}

/// The next message that belongs to no exchange.
async fn next_message(inbound: &mut Inbound) -> Message {
    match soon(inbound.next()).await.unwrap().unwrap() {
        InboundItem::Message(message) => message,
        gap => panic!("{gap:?}"),
    }
}

/// The handshake.
async fn handshake<T: Transport>(transport: &T) {
    let params = RawJson::trusted(r#"{"protocolVersion":"2025-11-25"}"#);
    let initialize = Request::new(0, "initialize").with_params(params);
    let exchange = soon(transport.request(initialize.into())).await.unwrap();
    soon(exchange.response()).await.unwrap().outcome.unwrap();
    let initialized = Notification::new("notifications/initialized");
    let initialized = Envelope::new(initialized.into()).with_version(LEGACY);
    soon(transport.send(initialized)).await.unwrap();
}

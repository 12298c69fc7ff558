//! HTTP+SSE with scripted servers.

#![allow(clippy::unwrap_used, reason = "tests")]

mod authorized;
mod failures;
mod messages;
mod opening;
mod pressure;
mod reconnect;

mod settings;
mod trace;

use std::time::Duration;

use mcp_core::{Message, Notification, ProtocolVersion, RawJson, Request, Response};
use mcp_testkit::within;
use mcp_transport::{
    Backoff, Connect, Connection, Envelope, Error, Gap, Inbound, InboundItem, Transport,
};
use mcp_transport_sse::{Sse, SseTransport};

const LEGACY: ProtocolVersion = ProtocolVersion::LATEST_LEGACY;

/// A server configuration with short timeouts.
fn at(url: &str) -> Sse {
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(100));
    Sse::new(url).unwrap().backoff(backoff.with_attempts(3))
}

async fn open(url: &str) -> Connection<SseTransport> {
    within(at(url).connect()).await.unwrap()
}

fn request(id: i64, method: &'static str) -> Envelope<Request> {
    Envelope::new(Request::new(id, method)).with_version(LEGACY)
}

async fn ask<T: Transport>(
    transport: &T,
    id: i64,
    method: &'static str,
) -> Result<Response, Error> {
    within(async { transport.request(request(id, method)).await?.response().await }).await
}

/// The next message outside exchanges.
async fn next_message(inbound: &mut Inbound) -> Message {
    match within(inbound.next()).await.unwrap().unwrap() {
        InboundItem::Message(message) => message,
        gap => panic!("{gap:?}"),
    }
}

/// Waits until the client has detected the end of its stream. Returns the reason.
async fn stream_is_over(inbound: &mut Inbound) -> Error {
    match within(inbound.next()).await.unwrap().unwrap() {
        InboundItem::Gap(Gap::NewSession(Some(cause))) => cause,
        item => panic!("{item:?}"),
    }
}

/// The handshake.
async fn handshake<T: Transport>(transport: &T) {
    let params = RawJson::trusted(r#"{"protocolVersion":"2025-11-25"}"#);
    let initialize = Request::new(0, "initialize").with_params(params);
    let exchange = within(transport.request(initialize.into())).await.unwrap();
    within(exchange.response()).await.unwrap().outcome.unwrap();
    let initialized = Notification::new("notifications/initialized");
    let initialized = Envelope::new(initialized.into()).with_version(LEGACY);
    within(transport.send(initialized)).await.unwrap();
}

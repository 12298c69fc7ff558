//! Streamable HTTP with scripted servers.

#![allow(clippy::unwrap_used, reason = "tests")]

mod authorized;
mod continued;
mod ending;
mod failures;
mod http2;
mod legacy;
mod modern;
mod pressure;
mod secrets;
mod sessions;
mod streams;
mod trace;

use std::time::Duration;

use mcp_core::{Message, Notification, ProtocolVersion, RawJson, Request, Response};
use mcp_testkit::within;
use mcp_transport::{
    Backoff, Connect, Connection, Envelope, Error, Gap, Inbound, InboundItem, OneWay, Transport,
};
use mcp_transport_http::{StreamableHttp, StreamableHttpTransport};

const MODERN: ProtocolVersion = ProtocolVersion::LATEST_MODERN;
const LEGACY: ProtocolVersion = ProtocolVersion::LATEST_LEGACY;

/// A server configuration with short timeouts.
fn at(url: &str) -> StreamableHttp {
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(200));
    StreamableHttp::new(url).unwrap().backoff(backoff)
}

async fn open(url: &str) -> Connection<StreamableHttpTransport> {
    at(url).connect().await.unwrap()
}

fn request(id: i64, method: &'static str, params: &str) -> Request {
    let request = Request::new(id, method);
    match params {
        "" => request,
        params => request.with_params(RawJson::from_text(params.to_owned()).unwrap()),
    }
}

async fn ask<T: Transport>(
    transport: &T,
    request: Request,
    version: impl Into<Option<ProtocolVersion>>,
) -> Result<Response, Error> {
    let envelope = Envelope::new(request).with_version(version);
    within(async { transport.request(envelope).await?.response().await }).await
}

fn notification(method: &'static str) -> Envelope<OneWay> {
    Envelope::new(Notification::new(method).into())
}

/// The legacy handshake.
async fn handshake<T: Transport>(transport: &T) -> Result<Response, Error> {
    let initialize = request(0, "initialize", r#"{"protocolVersion":"2025-11-25"}"#);
    let response = ask(transport, initialize, None).await?;
    within(transport.send(notification("notifications/initialized").with_version(LEGACY))).await?;
    Ok(response)
}

fn text(response: &Response) -> String {
    let raw = response.outcome.as_ref().unwrap();
    String::from_utf8(raw.as_bytes().to_vec()).unwrap()
}

/// The next message outside exchanges.
async fn next_message(inbound: &mut Inbound) -> Message {
    match within(inbound.next()).await.unwrap().unwrap() {
        InboundItem::Message(message) => message,
        gap => panic!("{gap:?}"),
    }
}

/// The next gap between such messages.
async fn next_gap(inbound: &mut Inbound) -> Gap {
    match within(inbound.next()).await.unwrap().unwrap() {
        InboundItem::Gap(gap) => gap,
        message => panic!("{message:?}"),
    }
}

fn method_of(message: &Message) -> &str {
    match message {
        Message::Request(request) => &request.method,
        Message::Notification(notification) => &notification.method,
        Message::Response(_) => "response",
    }
}

//! The trace context in the headers of POSTs.

use mcp_core::{Notification, RawJson, Request};
use mcp_testkit::{
    http::{Get, Post, SseServer},
    within,
};
use mcp_transport::{Envelope, TraceContext, Transport};

use crate::{LEGACY, ask, open, request};

fn parent(n: u8) -> String {
    format!("00-{n:032x}-00f067aa0ba902b7-01")
}

fn context(n: u8) -> Box<TraceContext> {
    Box::new(TraceContext::new(parent(n)).with_tracestate("a=1").with_baggage("b=2"))
}

#[tokio::test]
async fn each_post_has_the_headers_of_its_trace_and_no_other() {
    let server = SseServer::start(
        |_| Get::endpoint("/message"),
        |request, stream| {
            if !request.json()["id"].is_null() && request.rpc() != "dropped" {
                stream.push(request.result("{}"));
            }
            Post::accepted()
        },
    )
    .await;
    let transport = open(&server.url).await.transport;
    let params = RawJson::trusted(r#"{"protocolVersion":"2025-11-25"}"#);
    let initialize = Request::new(0, "initialize").with_params(params);
    let initialize = Envelope::new(initialize).with_trace(context(1));
    let exchange = within(transport.request(initialize)).await.unwrap();
    within(exchange.response()).await.unwrap();
    let initialized = Notification::new("notifications/initialized");
    let initialized = Envelope::new(initialized.into()).with_version(LEGACY);
    within(transport.send(initialized.with_trace(context(2)))).await.unwrap();
    let exchange = within(transport.request(request(1, "m").with_trace(context(3)))).await;
    within(exchange.unwrap().response()).await.unwrap();
    ask(&transport, 2, "untraced").await.unwrap();
    // Cancelling is on behalf of the session.
    drop(within(transport.request(request(3, "dropped").with_trace(context(4)))).await);
    server.wait_for("notifications/cancelled", 1).await;

    for received in server.log() {
        let n = match received.rpc().as_str() {
            "initialize" => 1,
            "notifications/initialized" => 2,
            "m" => 3,
            "dropped" => 4,
            _ => 0,
        };
        let sent = received.headers.get("traceparent");
        assert_eq!(sent, (n > 0).then(|| parent(n)).as_ref(), "{}", received.rpc());
        let baggage = received.headers.get("baggage").map(String::as_str);
        assert_eq!(baggage, (n > 0).then_some("b=2"), "{}", received.rpc());
    }
}

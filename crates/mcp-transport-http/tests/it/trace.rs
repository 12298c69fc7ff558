//! Trace context in headers, and the session id in spans.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use mcp_core::RequestId;
use mcp_testkit::{http::Server, within};
use mcp_transport::{Connect, Envelope, TraceContext, Transport};
use tracing::{
    Instrument,
    field::{Field, Visit},
    span::{Id, Record},
};
use tracing_subscriber::{Layer, Registry, layer::Context, layer::SubscriberExt};

use crate::{LEGACY, MODERN, ask, at, handshake, notification, open, request};

const NAMES: [&str; 3] = ["traceparent", "tracestate", "baggage"];

fn parent(n: u8) -> String {
    format!("00-{n:032x}-00f067aa0ba902b7-01")
}

fn context(n: u8) -> Box<TraceContext> {
    Box::new(TraceContext::new(parent(n)).with_tracestate("a=1").with_baggage("b=2"))
}

/// A legacy server with sessions that redirects requests to `/old`.
async fn server() -> Server {
    Server::start(|request, reply| async move {
        let session = [("content-type", "application/json"), ("mcp-session-id", "session-7")];
        match request.rpc().as_str() {
            _ if request.path == "/old" => reply.full(307, &[("location", "/mcp")], "").await,
            "GET" => reply.empty(405).await,
            _ if request.id().is_null() => reply.empty(202).await,
            "initialize" => reply.full(200, &session, request.result("{}")).await,
            _ => reply.json(200, request.result("{}")).await,
        }
    })
    .await
}

#[tokio::test]
async fn each_message_has_the_headers_of_its_trace() {
    let server = server().await;
    for version in [MODERN, LEGACY] {
        let transport = open(&server.url).await.transport;
        if version == LEGACY {
            handshake(&transport).await.unwrap();
        }
        let before = server.log().len();
        let call = Envelope::new(request(1, "m", "")).with_version(version);
        let call = call.with_trace(context(1));
        within(async { transport.request(call).await.unwrap().response().await }).await.unwrap();
        let sent = notification("n").with_version(version).with_trace(context(2));
        within(transport.send(sent)).await.unwrap();
        ask(&transport, request(2, "m", ""), version).await.unwrap();
        let log = server.log().split_off(before);
        let log: Vec<_> = log.iter().filter(|it| it.method == "POST").collect();
        for (n, received) in (1..).zip(&log[..2]) {
            assert_eq!(received.header("traceparent"), Some(&*parent(n)));
            assert_eq!(received.header("tracestate"), Some("a=1"));
            assert_eq!(received.header("baggage"), Some("b=2"));
        }
        assert!(NAMES.iter().all(|name| log[2].header(name).is_none()), "{log:?}");
    }
}

#[tokio::test]
async fn the_trace_and_custom_headers_survive_redirects() {
    let server = server().await;
    let url = server.url.replace("/mcp", "/old");
    let transport = at(&url).header("baggage", "mine=1").connect().await.unwrap().transport;
    let call = Envelope::new(request(1, "m", "")).with_version(MODERN);
    let call = call.with_trace(Box::new(TraceContext::new(parent(1))));
    within(async { transport.request(call).await.unwrap().response().await }).await.unwrap();
    let log = server.log();
    assert_eq!(log.len(), 2);
    for received in log {
        assert_eq!(received.header("traceparent"), Some(&*parent(1)), "{}", received.path);
        assert_eq!(received.header("baggage"), Some("mine=1"));
    }
}

#[tokio::test]
async fn messages_of_the_session_belong_to_no_trace() {
    let server = server().await;
    let transport = open(&server.url).await.transport;
    let begin = |method| request(0, method, r#"{"protocolVersion":"2025-11-25"}"#);
    let initialize = Envelope::new(begin("initialize")).with_trace(context(1));
    within(async { transport.request(initialize).await.unwrap().response().await }).await.unwrap();
    let sent = notification("notifications/initialized").with_version(LEGACY);
    within(transport.send(sent.with_trace(context(2)))).await.unwrap();
    within(transport.close()).await.unwrap();
    let log = server.log();
    let others: Vec<_> = log.iter().filter(|it| it.method != "POST").collect();
    assert_eq!(others.len(), 2, "a GET and a DELETE: {log:?}");
    for received in others {
        assert_eq!(received.header("traceparent"), None, "{}", received.method);
    }
}

/// Collects recorded span fields.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Recorded {
    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut self.clone());
    }
}

impl Visit for Recorded {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.lock().unwrap().push(format!("{field}={value:?}"));
    }
}

#[tokio::test]
async fn the_session_id_is_recorded_if_enabled() {
    let server = server().await;
    let recorded = Recorded::default();
    let subscriber = Registry::default().with(recorded.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    for wanted in [false, true] {
        let config = at(&server.url).record_session_id(wanted);
        let transport = config.connect().await.unwrap().transport;
        let call = async {
            handshake(&transport).await.unwrap();
            recorded.0.lock().unwrap().clear();
            ask(&transport, request(1, "m", ""), LEGACY).await.unwrap()
        };
        let span = tracing::info_span!("call", mcp.session.id = tracing::field::Empty);
        assert_eq!(call.instrument(span).await.id, Some(RequestId::Number(1)));
        let expected: &[_] =
            if wanted { &["mcp.session.id=\"session-7\"".to_owned()] } else { &[] };
        assert_eq!(*recorded.0.lock().unwrap(), expected);
    }
}

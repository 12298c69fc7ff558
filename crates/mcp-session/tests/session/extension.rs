//! Extensions of a session.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_core::{Notification, RawJson, SubscriptionFilter};
use mcp_session::{
    Error, ErrorKind, Handlers, Input, Session, SessionOptions, Timeout,
    extension::{Extension, ExtensionHost, ForeignResult, SettingsContext},
};
use mcp_transport::Delivery;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    peer::{Peer, Reply, discover, legacy, modern, peer, result},
    recorder::Recorder,
};

const ID: &str = "com.example/later";
const SECOND: Duration = Duration::from_secs(1);

/// Results of the kind `later` name the method that returns the final result, which is requested after a second.
#[derive(Default)]
struct Later {
    heard: Arc<Mutex<Vec<String>>>,
    limits: Arc<Mutex<Vec<Timeout>>>,
}

impl Extension for Later {
    fn id(&self) -> &str {
        ID
    }

    fn settings(&self, context: &SettingsContext<'_>) -> Map<String, Value> {
        assert_eq!(context.server, "shop");
        Map::from_iter([("in".to_owned(), json!(context.version))])
    }

    fn takes(&self, method: &str, result_type: &str) -> bool {
        (method, result_type) == ("tools/call", "later")
    }

    fn finish(
        &self,
        foreign: ForeignResult,
    ) -> Pin<Box<dyn Future<Output = Result<RawJson, Error>> + Send>> {
        self.limits.lock().unwrap().push(foreign.timeout());
        Box::pin(async move {
            tokio::time::sleep(SECOND).await;
            assert_eq!(foreign.call().target.as_deref(), Some("buy"));
            let at: Value = foreign.result().decode().unwrap();
            if at["wants"].is_object() {
                let wants = RawJson::from_serialize(&at["wants"]).unwrap().decode().unwrap();
                let host = ExtensionHost::from(&foreign);
                let answers = host.obtain_input(&wants, Some(foreign.call())).await;
                let answers = answers
                    .map_err(|why| Error::new(ErrorKind::Extension, "shop", why.to_string()))?;
                let text = serde_json::to_string(&answers).unwrap();
                let content = json!({ "content": [{ "type": "text", "text": text }] });
                return Ok(RawJson::from_serialize(&content).unwrap());
            }
            let method = at["at"].as_str().unwrap().to_owned();
            foreign.session().request(method, &()).await
        })
    }

    fn on_notification(&self, server: &str, notification: &Notification) {
        self.heard.lock().unwrap().push(format!("{server}: {}", notification.method));
    }

    fn extend_filter(&self, filter: &mut SubscriptionFilter) {
        filter.extra.insert("later".to_owned(), json!(["buy"]));
    }
}

fn later(at: &str) -> Value {
    json!({ "resultType": "later", "at": at })
}

fn done() -> Value {
    json!({ "resultType": "complete", "content": [{ "type": "text", "text": "done" }] })
}

fn wanted() -> Value {
    json!({ "resultType": "input_required", "inputRequests": { "r": { "method": "roots/list" } } })
}

/// `later/done` and `later/ask` have results; calls are answered with `first`, and repeated ones with `done`.
fn server(first: fn() -> Value) -> Peer {
    modern(move |message| match message["method"].as_str().unwrap_or_default() {
        "later/done" => result(message, done()),
        "later/ask" => result(message, wanted()),
        "later/later" => result(message, later("later/later")),
        "tools/call" if message["params"]["inputResponses"].is_object() => result(message, done()),
        "tools/call" | "prompts/get" => result(message, first()),
        _ => Reply::Nothing,
    })
}

async fn open_with(peer: &Peer, extension: Later) -> Session {
    let mut options = SessionOptions::default();
    options.extensions = vec![Arc::new(extension)];
    options.handlers = Handlers::new().on_roots(|_| async { Vec::new() });
    Session::open(peer.clone(), Some("shop"), options).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_result_of_an_extension_becomes_the_final_one() {
    let peer = server(|| later("later/done"));
    let session = open_with(&peer, Later::default()).await;
    let start = Instant::now();
    assert_eq!(session.call_tool("buy").await.unwrap().text(), "done");
    assert_eq!(start.elapsed(), SECOND);
    let Input::Done(manual) = session.call_tool("buy").manual_input().await.unwrap() else {
        panic!("it is complete");
    };
    assert_eq!(manual.text(), "done");
    let raw = session.call_tool("buy").returning::<RawJson>().await.unwrap();
    assert_eq!(raw.decode::<Value>().unwrap(), later("later/done"));
}

#[tokio::test(start_paused = true)]
async fn rounds_continue_with_the_result_of_an_extension() {
    let peer = server(|| later("later/ask"));
    let session = open_with(&peer, Later::default()).await;
    assert_eq!(session.call_tool("buy").await.unwrap().text(), "done");
    let calls = peer.received();
    let calls: Vec<_> = calls.iter().filter(|it| it["method"] == "tools/call").collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1]["params"]["inputResponses"], json!({ "r": { "roots": [] } }));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_result_kind_is_an_error() {
    let peer = server(|| later("later/done"));
    let session = open_with(&peer, Later::default()).await;
    let error = session.get_prompt("buy").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    let plain = Session::open(peer.clone(), None, SessionOptions::default()).await.unwrap();
    let error = plain.call_tool("buy").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert!(!peer.methods().contains(&"later/done".to_owned()));
    // An extension cannot continue without end.
    let peer = server(|| later("later/later"));
    let session = open_with(&peer, Later::default()).await;
    let error = session.call_tool("buy").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_total_timeout_includes_extensions() {
    let peer = server(|| later("later/done"));
    let extension = Later::default();
    let limits = Arc::clone(&extension.limits);
    let session = open_with(&peer, extension).await;
    let error = session.call_tool("buy").timeout(SECOND / 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(*limits.lock().unwrap(), [Timeout::total(SECOND / 2)]);
}

#[tokio::test(start_paused = true)]
async fn extensions_are_declared_and_read_in_both_eras() {
    let peer = server(done);
    let session = open_with(&peer, Later::default()).await;
    session.call_tool("buy").await.unwrap();
    for message in peer.received() {
        let declared = &message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
        assert_eq!(declared["extensions"], json!({ ID: { "in": "2026-07-28" } }), "{message}");
    }
    assert_eq!(settings::<Value>(&session).unwrap(), None);

    let old = legacy(|_| Reply::Nothing);
    open_with(&old, Later::default()).await;
    let received = old.received();
    let opening = received.iter().find(|it| it["method"] == "initialize").unwrap();
    let declared = &opening["params"]["capabilities"]["extensions"];
    assert_eq!(*declared, json!({ ID: { "in": "2025-11-25" } }));

    let offering = peer_offering(json!({ "pages": 7 }));
    let session = open_with(&offering, Later::default()).await;
    let offered = settings::<Map<String, Value>>(&session).unwrap().unwrap();
    assert_eq!(offered["pages"], 7);
    let error = settings::<Vec<u8>>(&session).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    session.subscribe(SubscriptionFilter::new()).await.unwrap_err();
    let listening = offering.received().pop().unwrap();
    assert_eq!(listening["params"]["notifications"], json!({ "later": ["buy"] }));
}

fn settings<S: DeserializeOwned>(session: &Session) -> Result<Option<S>, Error> {
    ExtensionHost::new(session).server_settings(ID)
}

fn peer_offering(settings: Value) -> Peer {
    peer(move |_, message| {
        let Reply::Lines(mut lines) = discover(message, &["2026-07-28"]) else {
            return Reply::Nothing;
        };
        lines[0]["result"]["capabilities"]["extensions"] = json!({ ID: settings });
        Reply::Lines(lines)
    })
}

#[tokio::test(start_paused = true)]
async fn extensions_hear_notifications() {
    let peer = modern(|message| {
        let notification = json!({ "jsonrpc": "2.0", "method": "notifications/later" });
        let Reply::Lines(mut lines) = result(message, done()) else { return Reply::Nothing };
        lines.insert(0, notification);
        Reply::Lines(lines)
    });
    let extension = Later::default();
    let heard = Arc::clone(&extension.heard);
    let session = open_with(&peer, extension).await;
    session.call_tool("buy").await.unwrap();
    // Notifications outside of calls are read by another task.
    while heard.lock().unwrap().is_empty() {
        tokio::time::sleep(SECOND).await;
    }
    assert_eq!(*heard.lock().unwrap(), ["shop: notifications/later"]);
}

#[tokio::test(start_paused = true)]
async fn input_requests_of_extensions_have_their_own_spans() {
    let (recorder, _guard) = Recorder::start();
    let peer = modern(|message| {
        let wants = json!({ "a": { "method": "roots/list" }, "b": { "method": "roots/list" } });
        result(message, json!({ "resultType": "later", "wants": wants }))
    });
    let session = open_with(&peer, Later::default()).await;
    let answers = session.call_tool("buy").await.unwrap();
    assert_eq!(answers.text(), r#"{"a":{"roots":[]},"b":{"roots":[]}}"#);
    let spans = recorder.spans();
    let asked: Vec<_> = spans.iter().filter(|span| span.name() == "roots/list").collect();
    assert_eq!(asked.len(), 2);
    for span in asked {
        assert_eq!((span.field("otel.kind"), span.is_closed), (Some("server"), true));
        assert_eq!(spans[span.parent.unwrap()].name(), "tools/call buy");
    }

    for (wish, text) in [
        (json!({ "method": "x/odd" }), "input \"odd\": "),
        (json!({ "params": 7 }), "input \"odd\": missing field `method`"),
    ] {
        let peer = modern(move |message| {
            let wants = json!({ "odd": wish, "r": { "method": "roots/list" } });
            result(message, json!({ "resultType": "later", "wants": wants }))
        });
        let error = open_with(&peer, Later::default()).await.call_tool("buy").await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn extensions_are_limited_like_servers() {
    let peer = modern(|message| {
        let wants: Map<_, _> =
            (0..65).map(|n| (n.to_string(), json!({ "method": "roots/list" }))).collect();
        result(message, json!({ "resultType": "later", "wants": wants }))
    });
    let error = open_with(&peer, Later::default()).await.call_tool("buy").await.unwrap_err();
    assert!(error.to_string().contains("65 inputs at once, more than 64"), "{error}");
}

/// Claims results and cannot complete them.
struct Unfinished;

impl Extension for Unfinished {
    fn id(&self) -> &str {
        ID
    }

    fn takes(&self, _: &str, result_type: &str) -> bool {
        result_type == "later"
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_an_extension_is_never_marked_as_not_sent() {
    let peer = server(|| later("later/done"));
    let options = SessionOptions::default().with_extension(Unfinished);
    let session = Session::open(peer, Some("shop"), options).await.unwrap();
    let error = session.call_tool("buy").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Decode, Delivery::Answered));
    let made = Error::new(ErrorKind::Extension, "shop", "it went wrong");
    assert_eq!(made.delivery(), Delivery::Unknown);
}

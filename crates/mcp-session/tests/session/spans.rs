//! Spans of messages and their fields.

use std::time::Duration;

use mcp_core::{ElicitAction, ElicitResult};
use mcp_session::{Handlers, Input, ServerRequest, Session, SessionOptions, Timeout};
use mcp_transport::{Address, Binding};
use serde_json::{Value, json};
use tracing::Instrument;

use crate::{
    peer::{Peer, Reply, error, legacy, modern, result},
    recorder::{Recorder, Seen},
};

async fn open(peer: &Peer) -> Session {
    Session::open(peer.clone(), Some("bookshop"), SessionOptions::default()).await.unwrap()
}

fn tool(request: &Value, more: Value) -> Reply {
    let mut answer = json!({ "content": [], "resultType": "complete" });
    answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    result(request, answer)
}

/// Responds according to the name of the tool.
fn obedient(request: &Value) -> Reply {
    match request["params"]["name"].as_str() {
        Some("fails") => tool(request, json!({ "isError": true })),
        Some("refused") => error(request, json!({ "code": -32602, "message": "secret-text" })),
        Some("stuck") => Reply::Nothing,
        _ => tool(request, json!({})),
    }
}

#[track_caller]
fn has(span: &Seen, fields: &[(&str, Option<&str>)]) {
    for (name, value) in fields {
        assert_eq!(span.field(name), *value, "{name} of {span:?}");
    }
    assert!(span.is_closed, "{span:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_is_a_client_span_with_the_fields_of_the_convention() {
    let (recorder, _guard) = Recorder::start();
    let peer = modern(obedient);
    let session = open(&peer).await;
    session.call_tool("find").arg("key", "secret-argument").await.unwrap();
    let id = peer.received().last().unwrap()["id"].to_string();
    has(
        &recorder.span("tools/call find"),
        &[
            ("otel.kind", Some("client")),
            ("otel.status_code", None),
            ("mcp.method.name", Some("tools/call")),
            ("mcp.protocol.version", Some("2026-07-28")),
            ("jsonrpc.request.id", Some(&id)),
            ("gen_ai.operation.name", Some("execute_tool")),
            ("gen_ai.tool.name", Some("find")),
            ("gen_ai.prompt.name", None),
            ("mcp.resource.uri", None),
            ("network.transport", Some("pipe")),
            ("network.protocol.name", None),
            ("server.address", None),
            ("error.type", None),
        ],
    );
    assert!(!recorder.text().contains("secret"), "{}", recorder.text());
}

#[tokio::test(start_paused = true)]
async fn prompts_and_resources_have_their_own_fields() {
    let (recorder, _guard) = Recorder::start();
    let session = open(&legacy(|request| match request["method"].as_str() {
        Some("prompts/get") => result(request, json!({ "messages": [] })),
        Some("resources/read") => result(request, json!({ "contents": [] })),
        _ => Reply::Nothing,
    }))
    .await;
    session.get_prompt("greet").await.unwrap();
    session.read_resource("db://me:secret@host/table?key=secret").await.unwrap();
    session.notify("notifications/mine", &json!({ "x": "secret" })).await.unwrap();
    has(
        &recorder.span("prompts/get greet"),
        &[
            ("gen_ai.prompt.name", Some("greet")),
            ("gen_ai.operation.name", None),
            ("mcp.protocol.version", Some("2025-11-25")),
        ],
    );
    has(&recorder.span("resources/read"), &[("mcp.resource.uri", Some("db://host/table"))]);
    has(
        &recorder.span("notifications/mine"),
        &[("otel.kind", Some("client")), ("jsonrpc.request.id", None), ("error.type", None)],
    );
    assert!(!recorder.text().contains("secret"), "{}", recorder.text());
}

#[tokio::test(start_paused = true)]
async fn a_remote_server_has_its_address_in_spans() {
    let (recorder, _guard) = Recorder::start();
    let session = open(
        &modern(obedient).bound(Binding::StreamableHttp).at(Address::new("books.example", 8443)),
    )
    .await;
    session.call_tool("find").await.unwrap();
    for name in ["server/discover", "tools/call find"] {
        has(
            &recorder.span(name),
            &[
                ("server.address", Some("books.example")),
                ("server.port", Some("8443")),
                ("network.transport", Some("tcp")),
                ("network.protocol.name", Some("http")),
                ("mcp.session.id", None),
            ],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn opening_is_a_span_for_each_request_of_it() {
    let (recorder, _guard) = Recorder::start();
    open(&legacy(obedient)).await;
    has(
        &recorder.span("server/discover"),
        &[
            ("jsonrpc.request.id", Some("discover-1")),
            ("mcp.protocol.version", Some("2026-07-28")),
            ("error.type", Some("-32601")),
        ],
    );
    has(&recorder.span("initialize"), &[("jsonrpc.request.id", Some("0")), ("error.type", None)]);
    has(&recorder.span("notifications/initialized"), &[("error.type", None)]);
}

#[tokio::test(start_paused = true)]
async fn failures_are_recorded_by_class_and_never_by_text() {
    let (recorder, _guard) = Recorder::start();
    let session = open(&modern(obedient)).await;
    session.call_tool("fails").await.unwrap();
    session.call_tool("refused").await.unwrap_err();
    session.call_tool("stuck").timeout(Timeout::total(Duration::from_secs(1))).await.unwrap_err();
    let dropped = session.call_tool("stuck").meta(mcp_core::Meta::new().with("a/b", "secret"));
    tokio::time::timeout(Duration::from_secs(1), dropped).await.unwrap_err();
    let raw = session.request("tools/call", &json!({ "name": "fails", "x": "secret" }));
    raw.await.unwrap();
    session.request("ping", &()).await.unwrap_err();

    let calls = recorder.spans().split_off(1);
    let told: Vec<_> = calls
        .iter()
        .map(|span| {
            assert_eq!(span.field("otel.status_code"), Some("ERROR"), "{span:?}");
            assert!(span.is_closed, "{span:?}");
            (span.name(), span.field("error.type").unwrap_or_default())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("tools/call fails", "tool_error"),
            ("tools/call refused", "-32602"),
            ("tools/call stuck", "timeout"),
            ("tools/call stuck", "cancelled"),
            ("tools/call fails", "tool_error"),
            ("ping", "unsupported"),
        ]
    );
    assert_eq!(calls[1].field("rpc.response.status_code"), Some("-32602"));
    assert!(!recorder.text().contains("secret"), "{}", recorder.text());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_awaited_has_no_span() {
    let (recorder, _guard) = Recorder::start();
    let session = open(&modern(obedient)).await;
    let before = recorder.spans().len();
    drop(std::future::IntoFuture::into_future(session.call_tool("find")));
    assert_eq!(recorder.spans().len(), before);
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_have_separate_spans() {
    let (recorder, _guard) = Recorder::start();
    let peer = modern(|request| {
        let wait = if request["params"]["name"] == "slow" { 5 } else { 1 };
        Reply::Later(Duration::from_secs(wait), Box::new(tool(request, json!({}))))
    });
    let session = open(&peer).await;
    let outer = |name| tracing::info_span!("outer", otel.name = name);
    let one = async { session.call_tool("slow").await }.instrument(outer("one"));
    let two = async { session.call_tool("quick").await }.instrument(outer("two"));
    tokio::try_join!(one, two).unwrap();
    let spans = recorder.spans();
    for (call, outer) in [("tools/call slow", "one"), ("tools/call quick", "two")] {
        let parent = recorder.span(call).parent.unwrap();
        assert_eq!(spans[parent].name(), outer);
    }
    assert!(tracing::Span::current().is_none());
}

#[tokio::test(start_paused = true)]
async fn input_requests_are_server_spans_within_the_call() {
    let (recorder, _guard) = Recorder::start();
    let peer = modern(|request| match request["params"]["inputResponses"].is_object() {
        true => tool(request, json!({})),
        false => {
            let form = json!({ "message": "secret", "requestedSchema": { "type": "object", "properties": {} } });
            let asked = |method| json!({ "method": method, "params": form });
            let requests = json!({ "a": asked("elicitation/create"), "b": asked("roots/list") });
            result(request, json!({ "resultType": "input_required", "inputRequests": requests }))
        }
    });
    let mut options = SessionOptions::default();
    options.handlers = Handlers::new()
        .on_elicitation(|_| async {
            tokio::task::yield_now().await;
            assert!(!tracing::Span::current().is_none());
            ElicitResult::new(ElicitAction::Decline)
        })
        .on_roots(|_: ServerRequest<()>| async {
            tokio::task::yield_now().await;
            Ok::<_, std::io::Error>(Vec::new())
        });
    let session = Session::open(peer.clone(), None, options).await.unwrap();
    session.call_tool("find").await.unwrap();
    let spans = recorder.spans();
    for name in ["elicitation/create", "roots/list"] {
        let asked = recorder.span(name);
        has(
            &asked,
            &[("otel.kind", Some("server")), ("error.type", None), ("jsonrpc.request.id", None)],
        );
        assert_eq!(spans[asked.parent.unwrap()].name(), "tools/call find");
    }
    // One span, with the id of the first of its two requests.
    let calls: Vec<_> = peer.received().split_off(1);
    assert_eq!(calls.len(), 2);
    let first = calls[0]["id"].to_string();
    has(&recorder.span("tools/call find"), &[("jsonrpc.request.id", Some(&first))]);
    assert!(!recorder.text().contains("secret"), "{}", recorder.text());
}

#[tokio::test(start_paused = true)]
async fn a_request_of_a_legacy_server_is_a_server_span() {
    let (recorder, _guard) = Recorder::start();
    let peer = legacy(|request| match request["method"].as_str() {
        Some("tools/call") => Reply::Lines(vec![
            json!({ "jsonrpc": "2.0", "id": "q", "method": "roots/list" }),
            json!({ "jsonrpc": "2.0", "id": "r", "method": "x".repeat(1000) }),
            json!({ "jsonrpc": "2.0", "id": "p", "method": "ping" }),
            json!({ "jsonrpc": "2.0", "id": request["id"], "result": { "content": [] } }),
        ]),
        _ => Reply::Nothing,
    });
    let mut options = SessionOptions::default();
    options.handlers = Handlers::new().on_roots(|_| async { Vec::new() });
    let session = Session::open(peer.clone(), None, options).await.unwrap();
    session.call_tool("find").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    has(
        &recorder.span("roots/list"),
        &[
            ("otel.kind", Some("server")),
            ("jsonrpc.request.id", Some("q")),
            ("mcp.protocol.version", Some("2025-11-25")),
            ("error.type", None),
        ],
    );
    has(
        &recorder.span(&"x".repeat(128)),
        &[("error.type", Some("-32601")), ("rpc.response.status_code", Some("-32601"))],
    );
    assert!(recorder.spans().iter().all(|span| span.name() != "ping"));
}

#[tokio::test(start_paused = true)]
async fn each_step_of_a_manual_call_is_a_span() {
    let (recorder, _guard) = Recorder::start();
    let session = open(&modern(|request| match request["params"]["requestState"].is_string() {
        true => tool(request, json!({ "isError": true })),
        false => {
            result(request, json!({ "resultType": "input_required", "requestState": "secret" }))
        }
    }))
    .await;
    let asked = session.call_tool("find").manual_input().await.unwrap();
    let Input::Required(round) = asked else { panic!() };
    round.answer(Vec::<(String, _)>::new()).unwrap().await.unwrap();
    let spans = recorder.spans().split_off(1);
    assert_eq!(spans.len(), 2);
    has(&spans[0], &[("error.type", None)]);
    has(&spans[1], &[("error.type", Some("tool_error"))]);
    assert!(!recorder.text().contains("secret"), "{}", recorder.text());
}

#[tokio::test(start_paused = true)]
async fn spans_can_be_disabled() {
    let (recorder, _guard) = Recorder::start();
    let mut options = SessionOptions::default();
    options.spans = false;
    let peer =
        modern(obedient).bound(Binding::StreamableHttp).at(Address::new("books.example", 8443));
    let session = Session::open(peer, None, options).await.unwrap();
    session.call_tool("find").await.unwrap();
    assert_eq!(recorder.spans().len(), 0);
}

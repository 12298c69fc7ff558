//! Log messages and events.

use mcp_session::{Handlers, Session, SessionOptions};
use mcp_transport::Binding;
use serde_json::{Value, json};

use crate::{
    peer::{Peer, Reply, modern, result},
    recorder::Recorder,
};

async fn open(peer: &Peer, handlers: Handlers) -> Session {
    let options = SessionOptions::default().with_handlers(handlers);
    Session::open(peer.clone(), Some("shop"), options).await.unwrap()
}

/// A server with these tools.
fn with_tools(tools: Vec<Value>) -> Peer {
    modern(move |message| match message["method"].as_str() {
        Some("tools/list") => {
            result(message, json!({ "resultType": "complete", "tools": tools.clone() }))
        }
        _ => Reply::Nothing,
    })
}

#[tokio::test(start_paused = true)]
async fn log_messages_of_a_server_become_events_without_a_handler() {
    let log = |level: &str, data: Value| {
        json!({ "jsonrpc": "2.0", "method": "notifications/message",
            "params": { "level": level, "logger": "till", "data": data } })
    };
    let lines = [
        log("debug", json!("counted")),
        log("notice", json!({ "open": true })),
        log("warning", json!("low on\nchange")),
        log("alert", json!("robbed")),
    ];
    let peer = modern(move |message| match message["method"].as_str() {
        Some("tools/call") => {
            let mut lines = lines.to_vec();
            lines.push(json!({ "jsonrpc": "2.0", "id": message["id"],
                "result": { "resultType": "complete", "content": [] } }));
            Reply::Lines(lines)
        }
        _ => Reply::Nothing,
    });
    let call = async |handlers: Handlers| {
        let (recorder, _guard) = Recorder::start();
        open(&peer, handlers).await.call_tool("x").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        recorder
    };
    let recorder = call(Handlers::new()).await;
    for (level, text) in [
        ("DEBUG", "counted"),
        ("INFO", "{\"open\":true}"),
        ("WARN", "low on\\nchange"),
        ("ERROR", "robbed"),
    ] {
        assert_eq!(recorder.levels(text), [level], "{text}");
    }
    assert!(recorder.text().contains("\"logger\": \"till\""), "{}", recorder.text());
    let handled = call(Handlers::new().on_log(|_| {})).await;
    assert_eq!(handled.events("robbed"), 0, "the handler has it");
}

#[tokio::test(start_paused = true)]
async fn a_page_of_undecodable_elements_is_one_short_warning() {
    let (recorder, _guard) = Recorder::start();
    let long = "x".repeat(100_000);
    let mut tools = vec![json!({ "name": 5, "inputSchema": {} }); 20_000];
    tools[0] = json!(long);
    let session = open(&with_tools(tools), Handlers::new()).await;
    assert_eq!(session.list_tools().await.unwrap().len(), 0);
    assert_eq!(recorder.levels(""), ["WARN"], "{:.2000}", recorder.text());
    assert!(recorder.text().contains("20000"), "how many");
    assert!(recorder.text().len() < 10_000, "{}", recorder.text().len());
}

#[tokio::test(start_paused = true)]
async fn tools_with_wrong_annotations_are_logged_with_their_names_and_the_reason() {
    let (recorder, _guard) = Recorder::start();
    let tool = |name: String| {
        let schema = json!({ "type": "object", "properties": {
            "a": { "type": "string", "x-mcp-header": "not a token" } } });
        json!({ "name": name, "inputSchema": schema })
    };
    let mut tools: Vec<Value> = (0..5000).map(|number| tool(format!("tool-{number}"))).collect();
    tools.push(json!({ "name": "good", "inputSchema": { "type": "object" } }));
    let peer = with_tools(tools).bound(Binding::StreamableHttp);
    let session = open(&peer, Handlers::new()).await;
    let listed = session.list_tools().await.unwrap();
    assert_eq!(listed.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["good"]);
    assert_eq!(recorder.events("left out of the list: "), 10);
    let text = recorder.text();
    assert!(text.contains("tool-0") && text.contains("tool-9") && text.contains("4990"), "{text}");
    assert!(!text.contains("tool-10"), "{text}");
}

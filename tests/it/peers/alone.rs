//! A configuration with one server.

use std::time::Duration;

use mcp_client::{
    Client, McpConfig,
    types::{Era, error_code},
};
use serde_json::{Value, json};

use super::{node, python};
use crate::support::{Configured, Expect, HttpPeer, bounded, config, exercise, within};

const SOON: Duration = Duration::from_secs(5);

/// A plain session: no prefix, the server's own name, a kept session.
#[tokio::test]
async fn a_single_server_is_a_plain_session() {
    let Some(server) = python("mcp2") else { return };
    let server = Configured::new(&server);
    let off = json!({ "command": "no-such-command-here", "disabled": true });
    let document = config([("only", &server.entry), ("off", &off)]);
    let client = Client::new(McpConfig::from_str(&document.to_string()).unwrap()).unwrap();
    assert!(client.group().is_none());
    let session = bounded(client.connect()).await.unwrap();
    assert_eq!(session.name(), "only");
    exercise(&session, &server.log, &Expect::modern("mcp2")).await;
    let pid = session.pid();
    drop(session);
    assert_eq!(bounded(client.connect()).await.unwrap().pid(), pid);
    within(SOON, client.close()).await.unwrap();
    server.tree.gone(&[], Duration::ZERO).await;

    let legacy = config([("only", &server.entry)]);
    let mut legacy = legacy.clone();
    legacy["mcpServers"]["only"]["protocolEra"] = json!("legacy");
    legacy["mcpServers"]["only"]["keep_alive"] = json!(false);
    let client = Client::new(&legacy).unwrap();
    let (one, two) = (bounded(client.connect()).await.unwrap(), bounded(client.connect()).await);
    assert_eq!(one.era(), Era::Legacy);
    assert_ne!(one.pid(), two.unwrap().pid());
}

#[tokio::test]
async fn the_only_server_behind_a_url_is_reached_as_its_type_says() {
    let (Some(sse), Some(http)) = (node("ts1"), python("mcp2")) else { return };
    let sse = HttpPeer::start_sse(&sse, "/events").await;
    let http = HttpPeer::start(&http, &[]).await;
    for (url, kind, expect) in [
        (&sse.url, json!("sse"), Some("ts1")),
        (&sse.url, Value::Null, Some("ts1")),
        (&sse.url, json!("http"), None),
        (&http.url, json!("streamable-http"), Some("mcp2")),
        (&http.url, Value::Null, Some("mcp2")),
        (&http.url, json!("sse"), None),
    ] {
        let mut entry = json!({ "url": url });
        if !kind.is_null() {
            entry["type"] = kind.clone();
        }
        let client = Client::new(config([("only", &entry)])).unwrap();
        let session = bounded(client.connect()).await;
        match (session, expect) {
            (Ok(session), Some(name)) => {
                assert_eq!(session.server_info().unwrap().name, name, "{entry}");
            }
            (Err(error), None) => assert!(error.to_string().starts_with("only: "), "{error}"),
            (session, expect) => panic!("{entry}: {session:?} where {expect:?} was expected"),
        }
    }
}

/// The tool filter of a configuration also applies to a single server.
#[tokio::test]
async fn tools_are_offered_as_the_configuration_says() {
    let Some(server) = python("mcp2") else { return };
    let server = Configured::new(&server)
        .with("includeTools", json!(["echo", "add", "fail"]))
        .with("excludeTools", json!(["fail"]))
        .with(
            "tools",
            json!({
                "echo": { "name": "say", "arguments": { "text": { "name": "words" } } },
                "add": { "arguments": { "b": { "hide": true, "default": 40 } } },
            }),
        );
    let client = Client::new(config([("only", &server.entry)])).unwrap();
    let session = bounded(client.connect()).await.unwrap();
    assert_eq!(session.server_info().unwrap().name, "mcp2");
    let tools = bounded(session.list_tools()).await.unwrap();
    assert!(tools.iter().map(|tool| &*tool.name).eq(["say", "add"]), "{tools:?}");
    let said = bounded(session.call_tool("say").arg("words", "hello")).await.unwrap();
    assert_eq!(said.into_result().unwrap().text(), "hello");
    let sum = bounded(session.call_tool("add").arg("a", 2)).await.unwrap();
    assert_eq!(sum.into_result().unwrap().text(), "42");
    for hidden in ["fail", "echo", "wait"] {
        let error = bounded(session.call_tool(hidden).arg("text", "x")).await.unwrap_err();
        assert_eq!(error.answer().unwrap().code, error_code::INVALID_PARAMS, "{error}");
    }
    within(SOON, client.close()).await.unwrap();
    server.tree.gone(&[], Duration::ZERO).await;
}

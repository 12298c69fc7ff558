//! Typed tool results, and settings of single calls.

use mcp_core::{LoggingLevel, Meta};
use mcp_session::{ErrorKind, Session, SessionOptions};
use mcp_transport::Delivery;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::peer::{Peer, error, legacy, modern, result};

async fn open(peer: &Peer) -> Session {
    Session::open(peer.clone(), Some("bookshop"), SessionOptions::default()).await.unwrap()
}

/// A server whose tool returns `given`; if listed, the tool has `schema`.
async fn giving(given: Value, schema: Option<Value>) -> Session {
    let listed = schema.clone();
    let peer = modern(move |message| match message["method"].as_str() {
        Some("tools/call") => result(message, given.clone()),
        Some("tools/list") => {
            let input = json!({ "type": "object" });
            let tool = json!({ "name": "x", "inputSchema": input, "outputSchema": listed });
            result(message, json!({ "tools": [tool] }))
        }
        _ => error(message, json!({ "code": -32601, "message": "what?" })),
    });
    let session = open(&peer).await;
    if schema.is_some() {
        assert_eq!(session.list_tools().await.unwrap().len(), 1);
    }
    session
}

fn data(data: Value) -> Value {
    json!({ "content": [], "structuredContent": data })
}

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

async fn read<T: DeserializeOwned + 'static>(given: Value) -> T {
    giving(given, None).await.call_tool("x").result_as().await.unwrap()
}

/// Decodes from any object.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Lax {
    title: String,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Answer {
    result: i32,
}

#[tokio::test(start_paused = true)]
async fn structured_content_is_read_as_a_type() {
    assert_eq!(read::<Lax>(data(json!({ "title": "Dune" }))).await.title, "Dune");
    assert_eq!(read::<Vec<u8>>(data(json!([1, 2]))).await, [1, 2]);
    assert_eq!(read::<Option<u8>>(data(json!(null))).await, None);
    // The text is not used if there is data, even if that is null.
    let both = json!({ "content": [{ "type": "text", "text": "7" }], "structuredContent": null });
    assert_eq!(read::<Option<u8>>(both).await, None);
}

#[tokio::test(start_paused = true)]
async fn wrapped_results_are_unwrapped() {
    let wrapped = |value: Value| data(json!({ "result": value }));
    assert_eq!(read::<Vec<u8>>(wrapped(json!([1, 2]))).await, [1, 2]);
    assert_eq!(read::<Answer>(wrapped(json!(7))).await, Answer { result: 7 });
    let more = data(json!({ "result": [1], "next": 2 }));
    let failure = giving(more, None).await.call_tool("x").result_as::<Vec<u8>>().await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Output);

    // FastMCP marks the result.
    let mut marked = wrapped(json!({ "title": "Dune" }));
    marked["_meta"] = json!({ "fastmcp": { "wrap_result": true } });
    assert_eq!(read::<Lax>(marked.clone()).await.title, "Dune");
    assert_eq!(read::<Value>(marked).await, json!({ "title": "Dune" }));

    // So does the schema, which the official SDKs write without the mark.
    let mut schema =
        json!({ "type": "object", "properties": { "result": {} }, "required": ["result"] });
    for mark in [None, Some(true)] {
        if mark.is_some() {
            schema["x-fastmcp-wrap-result"] = json!(mark);
        }
        let given = wrapped(json!({ "title": "Dune" }));
        let session = giving(given, Some(schema.clone())).await;
        let lax: Lax = session.call_tool("x").result_as().await.unwrap();
        assert_eq!(lax.title, "Dune");
        let session = giving(wrapped(json!(7)), Some(schema.clone())).await;
        let answer = session.call_tool("x").result_as::<Answer>().await;
        assert_eq!(answer.is_ok(), mark.is_none(), "only a likely one may be none");
    }
    // A tool of that shape with an additional member does not wrap.
    schema = json!({ "type": "object", "properties": { "result": {}, "x": {} }, "required": ["result"] });
    let session = giving(wrapped(json!({ "title": "Dune" })), Some(schema)).await;
    let lax: Lax = session.call_tool("x").result_as().await.unwrap();
    assert_eq!(lax, Lax::default());
}

#[tokio::test(start_paused = true)]
async fn a_single_text_block_is_decoded_without_data() {
    assert_eq!(read::<Lax>(text(r#"{ "title": "Dune" }"#)).await.title, "Dune");
    assert_eq!(read::<u8>(text("42")).await, 42);
    assert_eq!(read::<String>(text("42")).await, "42");
    assert_eq!(read::<String>(text("plain words")).await, "plain words");
    assert_eq!(read::<String>(text(r#""quoted""#)).await, r#""quoted""#);
    for given in [
        json!({ "content": [] }),
        json!({ "content": [{ "type": "text", "text": "1" }, { "type": "text", "text": "2" }] }),
        json!({ "content": [{ "type": "image", "data": "AA==", "mimeType": "image/png" }] }),
        text("words"),
    ] {
        let session = giving(given.clone(), None).await;
        let failure = session.call_tool("x").result_as::<u8>().await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Output, "{failure}");
        assert_eq!(json!(failure.result().unwrap())["content"], given["content"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_tool_is_an_error_with_its_text() {
    let mut given = text("no such book");
    given["isError"] = json!(true);
    given["structuredContent"] = json!(7);
    let failure = giving(given, None).await.call_tool("x").result_as::<u8>().await.unwrap_err();
    assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Tool, Delivery::Answered));
    assert_eq!(failure.to_string(), "bookshop: tools/call x: no such book");
    assert_eq!(failure.result().unwrap().structured_content, Some(json!(7)));

    let mut long = text(&"ü".repeat(1 << 20));
    long["isError"] = json!(true);
    let failure = giving(long, None).await.call_tool("x").result_as::<u8>().await.unwrap_err();
    assert!(failure.to_string().len() < 5000);
    assert_eq!(failure.result().unwrap().text().len(), 2 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_call_sets_its_log_level_in_the_modern_era_only() {
    const KEY: &str = "io.modelcontextprotocol/logLevel";
    let peer = modern(|message| result(message, json!({ "content": [] })));
    let session = open(&peer).await;
    let sent = || peer.received().last().unwrap()["params"]["_meta"].clone();
    session.set_log_level(LoggingLevel::Error).await.unwrap();
    let meta = Meta::new().with("com.example/x", 1).with_log_level(LoggingLevel::Alert);
    session.call_tool("x").log_level(LoggingLevel::Debug).meta(meta.clone()).await.unwrap();
    assert_eq!((&sent()[KEY], &sent()["com.example/x"]), (&json!("debug"), &json!(1)));
    session.call_tool("x").meta(meta).await.unwrap();
    assert_eq!(sent()[KEY], "alert");
    session.call_tool("x").await.unwrap();
    assert_eq!(sent()[KEY], "error");

    let peer = legacy(|message| result(message, json!({ "content": [] })));
    let session = open(&peer).await;
    let before = peer.received().len();
    let failure = session.call_tool("x").log_level(LoggingLevel::Debug).await.unwrap_err();
    assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Unsupported, Delivery::NotSent));
    assert!(failure.to_string().contains("set_log_level"), "{failure}");
    assert_eq!(peer.received().len(), before);
    session.call_tool("x").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_page_of_a_list_sends_and_returns_meta() {
    let peer = modern(|message| {
        let first = message["params"].get("cursor").is_none();
        let mut page = json!({ "tools": [], "_meta": { "com.example/page": first } });
        if first {
            page["nextCursor"] = json!("2");
        }
        result(message, page)
    });
    let session = open(&peer).await;
    let meta = Meta::new().with("com.example/x", "y");
    session.list_tools().meta(meta.clone()).await.unwrap();
    let pages: Vec<_> =
        peer.received().into_iter().filter(|it| it["method"] == "tools/list").collect();
    assert_eq!(pages.len(), 2);
    for page in &pages {
        assert_eq!(page["params"]["_meta"]["com.example/x"], "y");
    }
    assert_eq!(pages[1]["params"]["cursor"], "2");
    let page = session.list_tools().meta(meta).page(None).await.unwrap();
    assert_eq!(page.meta.unwrap()["com.example/page"], true);
}

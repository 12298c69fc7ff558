//! Validation of tool results against their output schemas.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use mcp_core::CallToolResult;
use mcp_session::{Error, ErrorKind, Input, OutputChecks, Session, SessionOptions};
use mcp_transport::Delivery;
use serde_json::{Map, Value, json};

use crate::peer::{Peer, Reply, error, legacy, modern, result};

/// A server whose tools return their argument `it`, and are listed with these schemas.
#[derive(Clone, Default)]
struct Shop(Arc<Mutex<Map<String, Value>>>);

impl Shop {
    fn new(tool: &str, schema: Value) -> Self {
        let this = Self::default();
        this.says(tool, schema);
        this
    }

    fn says(&self, tool: &str, schema: Value) {
        self.0.lock().unwrap().insert(tool.to_owned(), schema);
    }

    fn answer(&self, message: &Value) -> Reply {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("tools/call") => result(message, params["arguments"]["it"].clone()),
            Some("tools/list") => {
                let tools = self.0.lock().unwrap().clone().into_iter().map(|(name, schema)| {
                    let mut tool = json!({ "name": name, "inputSchema": { "type": "object" } });
                    if !schema.is_null() {
                        tool["outputSchema"] = schema;
                    }
                    tool
                });
                result(message, json!({ "tools": tools.collect::<Vec<_>>() }))
            }
            _ => Reply::Nothing,
        }
    }

    fn modern(&self) -> Peer {
        let this = self.clone();
        modern(move |message| this.answer(message))
    }

    fn legacy(&self) -> Peer {
        let this = self.clone();
        legacy(move |message| this.answer(message))
    }
}

async fn open(peer: &Peer, checks: OutputChecks) -> Session {
    let mut options = SessionOptions::default();
    options.output_checks = Some(checks);
    Session::open(peer.clone(), Some("bookshop"), options).await.unwrap()
}

async fn give(session: &Session, it: Value) -> Result<CallToolResult, Error> {
    session.call_tool("x").arg("it", it).await
}

fn data(data: Value) -> Value {
    json!({ "content": [], "structuredContent": data })
}

fn numbers() -> Value {
    json!({ "type": "object", "properties": { "n": { "type": "number" } }, "required": ["n"] })
}

fn lists(peer: &Peer) -> usize {
    peer.methods().iter().filter(|it| *it == "tools/list").count()
}

#[tokio::test(start_paused = true)]
async fn an_invalid_result_is_an_error_with_the_result() {
    for peer in [Shop::modern, Shop::legacy] {
        let peer = peer(&Shop::new("x", numbers()));
        let session = open(&peer, OutputChecks::default()).await;
        session.list_tools().await.unwrap();
        let good = give(&session, data(json!({ "n": 1.5, "more": null }))).await.unwrap();
        assert_eq!(good.structured_content, Some(json!({ "n": 1.5, "more": null })));

        let bad = data(json!({ "n": "one" }));
        let failure = give(&session, bad.clone()).await.unwrap_err();
        assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Output, Delivery::Answered));
        assert_eq!(json!(failure.result().unwrap()), bad);
        let text = failure.to_string();
        assert!(
            text.starts_with("bookshop: tools/call x: the result of \"x\" is not valid"),
            "{text}"
        );
        assert!(text.contains("at /n: "), "{text}");
        let failure = session.call_tool("x").arg("it", bad).result_as::<Value>().await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Output);

        // A failed tool needs no valid result.
        let mut failed = data(json!(7));
        failed["isError"] = json!(true);
        give(&session, failed).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn results_are_validated_only_if_enabled_and_listed() {
    let shop = Shop::new("x", numbers());
    let session = Session::open(shop.modern(), None, SessionOptions::default()).await.unwrap();
    session.list_tools().await.unwrap();
    give(&session, data(json!(7))).await.unwrap();

    let peer = shop.modern();
    let session = open(&peer, OutputChecks::default()).await;
    give(&session, data(json!(7))).await.unwrap();
    assert_eq!(lists(&peer), 0);
    session.list_tools().await.unwrap();
    assert!(give(&session, data(json!(7))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn tools_are_looked_up_once_if_enabled() {
    let shop = Shop::new("x", numbers());
    let peer = shop.modern();
    let session = open(&peer, OutputChecks::default().look_up(true)).await;
    for _ in 0..3 {
        assert_eq!(give(&session, data(json!(7))).await.unwrap_err().kind(), ErrorKind::Output);
    }
    assert_eq!(lists(&peer), 1);
    // A tool that is never listed.
    for _ in 0..3 {
        session.call_tool("y").arg("it", data(json!(7))).await.unwrap();
    }
    assert_eq!(lists(&peer), 2);
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_share_one_list() {
    let shop = Shop::new("x", numbers());
    let peer = shop.modern();
    let session = open(&peer, OutputChecks::default().look_up(true)).await;
    let at_once = |session: &Session| {
        let calls = (0..20).map(|_| {
            let session = session.clone();
            tokio::spawn(async move { give(&session, data(json!(7))).await.unwrap_err() })
        });
        futures_util::future::join_all(calls.collect::<Vec<_>>())
    };
    for error in at_once(&session).await {
        assert_eq!(error.unwrap().kind(), ErrorKind::Output);
    }
    assert_eq!(lists(&peer), 1);

    let peer = modern(move |message| match message["method"].as_str() {
        Some("tools/list") => error(message, json!({ "code": -32603, "message": "no list" })),
        _ => shop.answer(message),
    });
    let session = open(&peer, OutputChecks::default().look_up(true)).await;
    let start = tokio::time::Instant::now();
    for error in at_once(&session).await {
        let error = error.unwrap();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Schema, Delivery::Answered));
        assert_eq!(error.result().unwrap().structured_content, Some(json!(7)));
    }
    assert_eq!((lists(&peer), start.elapsed().as_secs()), (1, 0));
    let error = give(&session, data(json!(7))).await.unwrap_err();
    assert!(error.to_string().contains("no list"), "{error}");
    assert_eq!(lists(&peer), 2, "the next one tries again");
}

#[tokio::test(start_paused = true)]
async fn a_result_without_data_is_an_error_or_a_warning() {
    let shop = Shop::new("x", json!({ "type": ["object", "null"] }));
    let none = json!({ "content": [{ "type": "text", "text": "none" }] });
    let strict = open(&shop.modern(), OutputChecks::default()).await;
    strict.list_tools().await.unwrap();
    let failure = give(&strict, none.clone()).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Output);
    assert!(failure.to_string().contains("no structuredContent"), "{failure}");
    assert_eq!(failure.result().unwrap().text(), "none");
    // Null is data.
    let null = give(&strict, data(Value::Null)).await.unwrap();
    assert_eq!(null.structured_content, Some(Value::Null));

    let lenient = open(&shop.modern(), OutputChecks::default().allow_missing(true)).await;
    lenient.list_tools().await.unwrap();
    assert_eq!(give(&lenient, none).await.unwrap().text(), "none");
    assert!(give(&lenient, data(json!(7))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_unusable_schema_fails_results_and_not_the_list() {
    let outside = json!({ "type": "object", "$ref": "https://example.com/schema.json" });
    let shop = Shop::new("x", outside.clone());
    shop.says("y", json!({ "$schema": "https://example.com/dialect", "type": "object" }));
    let session = open(&shop.modern(), OutputChecks::default()).await;
    let tools = session.list_tools().await.unwrap();
    let listed = tools[0].output_schema.clone().map(Value::Object);
    assert_eq!(listed, Some(outside), "as it came");
    for tool in ["x", "y", "x"] {
        let call = session.call_tool(tool).arg("it", data(json!({ "n": 1 })));
        let failure = call.await.unwrap_err();
        assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Schema, Delivery::Answered));
        assert!(failure.to_string().contains("https://example.com/"), "{failure}");
        let result = failure.result().unwrap();
        assert_eq!(result.structured_content, Some(json!({ "n": 1 })));
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_listed_schema_applies() {
    let shop = Shop::new("x", numbers());
    let session = open(&shop.modern(), OutputChecks::default()).await;
    session.list_tools().await.unwrap();
    assert!(give(&session, data(json!({}))).await.is_err());
    session.list_tools().await.unwrap();
    assert!(give(&session, data(json!({}))).await.is_err());
    shop.says("x", json!({ "type": "object" }));
    session.list_tools().await.unwrap();
    give(&session, data(json!({}))).await.unwrap();
    shop.says("x", Value::Null);
    session.list_tools().await.unwrap();
    give(&session, data(json!("anything"))).await.unwrap();
    give(&session, json!({ "content": [] })).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn schemas_and_results_have_limits() {
    let shop = Shop::new("x", numbers());
    let session = open(&shop.modern(), OutputChecks::default().max_schema_size(100)).await;
    session.list_tools().await.unwrap();
    let failure = give(&session, data(json!({ "n": 1 }))).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Schema);
    assert!(failure.to_string().contains("max_schema_size"), "{failure}");

    let shop = Shop::new("x", json!({ "items": { "type": "number" } }));
    let session = open(&shop.modern(), OutputChecks::default().max_steps(10_000)).await;
    session.list_tools().await.unwrap();
    let of = |length: usize| data(json!(vec![1; length]));
    give(&session, of(100)).await.unwrap();
    let failure = give(&session, of(100_000)).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Schema);
    assert!(failure.to_string().contains("10000 steps"), "{failure}");
    assert!(failure.result().unwrap().structured_content.as_ref().is_some_and(Value::is_array));

    // A small result that needs more validation steps than allowed.
    let many: Vec<_> = (0..300).map(|n| json!({ "const": n })).collect();
    let shop = Shop::new("x", json!({ "items": { "anyOf": many } }));
    let session = open(&shop.modern(), OutputChecks::default()).await;
    session.list_tools().await.unwrap();
    for _ in 0..2 {
        give(&session, data(json!(vec![299; 5000]))).await.unwrap();
        let failure = give(&session, data(json!(vec![300; 5000]))).await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Output);
    }

    // Each one is small enough, but their total is not.
    let shop = Shop::default();
    let one = json!({ "type": "object", "title": "t".repeat(800) });
    for n in 0..200 {
        shop.says(&format!("tool{n}"), one.clone());
    }
    let session = open(&shop.modern(), OutputChecks::default().max_schema_size(1200)).await;
    session.list_tools().await.unwrap();
    let mut outcomes = [0, 0];
    for n in 0..200 {
        let call = session.call_tool(&format!("tool{n}")).arg("it", data(json!({})));
        match call.await {
            Ok(_) => outcomes[0] += 1,
            Err(error) => {
                assert!(error.to_string().contains("too large together"), "{error}");
                outcomes[1] += 1;
            }
        }
    }
    assert!(outcomes[0] > 64 && outcomes[1] > 0, "{outcomes:?}");
    // Removed schemas make room.
    for n in 0..150 {
        shop.says(&format!("tool{n}"), Value::Null);
    }
    session.list_tools().await.unwrap();
    session.list_tools().await.unwrap();
    session.call_tool("tool199").arg("it", data(json!({}))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn large_results_and_manual_rounds_are_validated() {
    let shop = Shop::new("x", json!({ "type": "array", "items": { "type": "number" } }));
    let session = open(&shop.modern(), OutputChecks::default()).await;
    session.list_tools().await.unwrap();
    let mut large = vec![json!(1); 200_000];
    let given = give(&session, data(json!(large))).await.unwrap();
    assert_eq!(given.structured_content, Some(json!(large)));
    large[199_999] = json!("one");
    let failure = give(&session, data(json!(large))).await.unwrap_err();
    assert!(failure.to_string().contains("not valid by its outputSchema"), "{failure}");
    assert_eq!(failure.result().unwrap().structured_content, Some(json!(large)));

    let by_hand = |it: Value| session.call_tool("x").arg("it", it).manual_input();
    let Input::Done(done) = by_hand(data(json!([1]))).await.unwrap() else { panic!("no input") };
    assert_eq!(done.structured_content, Some(json!([1])));
    assert_eq!(by_hand(data(json!(["a"]))).await.unwrap_err().kind(), ErrorKind::Output);
}

#[tokio::test(start_paused = true)]
async fn a_tool_newer_than_a_cached_list_is_looked_up_at_the_server() {
    let lists = AtomicU32::new(0);
    let peer = modern(move |message| match message["method"].as_str() {
        Some("tools/list") => {
            let schema = json!({ "type": "object", "required": ["a"] });
            let tool = |name: &str| {
                let input = json!({ "type": "object" });
                json!({ "name": name, "inputSchema": input, "outputSchema": schema })
            };
            let tools = match lists.fetch_add(1, Ordering::SeqCst) {
                0 => vec![],
                _ => vec![tool("new")],
            };
            let list = json!({ "resultType": "complete", "ttlMs": 60_000, "tools": tools });
            result(message, list)
        }
        Some("tools/call") => {
            let empty = json!({ "resultType": "complete", "content": [], "structuredContent": {} });
            result(message, empty)
        }
        _ => Reply::Nothing,
    });
    let mut options = SessionOptions::default();
    options.output_checks = Some(OutputChecks::default().look_up(true));
    let session = Session::open(peer.clone(), None, options).await.unwrap();
    session.list_tools().await.unwrap();
    assert_eq!(session.call_tool("new").await.unwrap_err().kind(), ErrorKind::Output);
    // A tool that the server does not list is not looked up again.
    session.call_tool("hidden").await.unwrap();
    session.call_tool("hidden").await.unwrap();
    let lists = peer.methods().iter().filter(|method| *method == "tools/list").count();
    assert_eq!(lists, 3);
}

#[tokio::test(start_paused = true)]
async fn a_tool_of_an_endless_list_is_looked_up_once() {
    const TOOLS: u32 = 12_000;
    let peer = modern(|message| match message["method"].as_str() {
        Some("tools/list") => {
            let tool = |n: u32| {
                let (input, output) = (json!({ "type": "object" }), json!({ "type": "array" }));
                json!({ "name": n.to_string(), "inputSchema": input, "outputSchema": output })
            };
            let tools: Vec<Value> = (0..TOOLS).map(tool).collect();
            result(message, json!({ "resultType": "complete", "tools": tools }))
        }
        Some("tools/call") => result(message, data(json!({}))),
        _ => Reply::Nothing,
    });
    let session = open(&peer, OutputChecks::default().look_up(true)).await;
    for tool in ["0", "0", "11999", "0"] {
        let error = session.call_tool(tool).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Output, "{tool}: {error}");
    }
    assert_eq!(lists(&peer), 1, "the first is one that is kept for longer");
}

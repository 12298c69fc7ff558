use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context as TaskContext, Poll, Waker},
    time::Duration,
};

use mcp_core::{
    CallToolResult, Entries, InputRequest, InputRequiredResult, ListRootsRequest, Message, Meta,
    Outcome, RawJson, ResultType, ToolAnnotations,
};
use mcp_server::{Context, Server};
use serde_json::{Value, json};

use crate::fixture::{bookshop, connect, initialized, meta};

#[tokio::test]
async fn text_is_a_block_with_the_members_of_its_era() {
    let server = bookshop().build();
    let arguments = json!({"query": "Du\"ne\n", "limit": 3});
    let modern = connect(&server).await.call("search_books", arguments.clone()).await;
    assert_eq!(
        modern,
        json!({
            "content": [{"type": "text", "text": "Du\"ne\n (3)"}],
            "resultType": "complete",
            "_meta": {
                "io.modelcontextprotocol/serverInfo": {"name": "Bookshop", "version": "1.0"}
            },
        })
    );
    let legacy = initialized(&server, "2025-11-25").await.call("search_books", arguments).await;
    assert_eq!(legacy, json!({"content": [{"type": "text", "text": "Du\"ne\n (3)"}]}));
}

#[tokio::test]
async fn data_is_structured_and_text() {
    let server = bookshop().build();
    let (modern, legacy) = (connect(&server).await, initialized(&server, "2025-11-25").await);
    for client in [&modern, &legacy] {
        let result = client.call("data", json!({})).await;
        assert_eq!(result["structuredContent"], json!({"titles": ["Dune"], "price": 9.5}));
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(text, r#"{"titles":["Dune"],"price":9.5}"#);
    }
    // Before 2026-07-28, only objects are structured content.
    assert_eq!(modern.call("list", json!({})).await["structuredContent"], json!([1, 2]));
    let list = legacy.call("list", json!({})).await;
    assert_eq!(list, json!({"content": [{"type": "text", "text": "[1,2]"}]}));

    let schema_of = |result: serde_json::Value, name: &str| {
        let tools = result["tools"].as_array().unwrap().clone();
        let tool = tools.into_iter().find(|tool| tool["name"] == name).unwrap();
        tool.get("outputSchema").cloned()
    };
    let listed = modern.result("tools/list", json!({})).await;
    assert_eq!(schema_of(listed.clone(), "data").unwrap()["required"], json!(["titles", "price"]));
    assert_eq!(schema_of(listed.clone(), "list").unwrap()["type"], "array");
    assert_eq!(schema_of(listed, "search_books"), None);
    let listed = legacy.result("tools/list", json!({})).await;
    assert!(schema_of(listed.clone(), "data").is_some());
    assert_eq!(schema_of(listed, "list"), None);
}

#[tokio::test]
async fn invalid_arguments_are_a_tool_error_that_names_them() {
    let server = bookshop().build();
    for client in [connect(&server).await, initialized(&server, "2025-06-18").await] {
        for (arguments, named) in [
            (json!({}), "query"),
            (json!({"query": 5}), "query"),
            (json!({"query": "x", "limit": -1}), "limit"),
        ] {
            let result = client.call("search_books", arguments).await;
            assert_eq!(result["isError"], true);
            let text = result["content"][0]["text"].as_str().unwrap();
            assert!(text.contains(named), "{text}");
        }
        // A value that is not an object is an invalid request.
        let params = json!({"name": "search_books", "arguments": ["x", 1]});
        assert_eq!(client.error("tools/call", params).await.0, -32602);
        assert_eq!(client.error("tools/call", json!({"arguments": {}})).await.0, -32602);
        assert_eq!(client.error("tools/call", json!({"name": "nothing"})).await.0, -32602);
        // Absent arguments count as an empty object.
        assert_eq!(
            client.result("tools/call", json!({"name": "data"})).await["isError"],
            json!(null)
        );
    }
}

#[tokio::test]
async fn tool_errors_and_protocol_errors_differ() {
    let client = connect(&bookshop().build()).await;
    let failed = client.call("fail", json!({})).await;
    assert_eq!(failed["isError"], true);
    assert_eq!(failed["content"][0]["text"], "the shelf is gone");
    assert_eq!(failed["resultType"], "complete");
    let (code, error) = client.error("tools/call", json!({"name": "refuse"})).await;
    assert_eq!((code, &error["message"]), (-32602, &json!("not like this")));
}

#[tokio::test]
async fn arguments_are_read_as_the_parameters_contain_them() {
    let client = connect(&bookshop().build()).await;
    let call = async |tool: &str, members: &str| {
        let params = format!(r#"{{"_meta":{},"name":"{tool}",{members}}}"#, meta());
        let exchange = client.open_raw(7, "tools/call", RawJson::trusted(params)).await;
        match exchange.response().await.unwrap().outcome {
            Ok(result) => result.decode::<Value>().unwrap()["content"][0]["text"].clone(),
            Err(error) => Value::from(error.code),
        }
    };
    // After the first call, the `_meta` is known.
    for _ in 0..2 {
        for members in [
            r#""arguments":{"query":"a"}"#,
            r#""arguments": {"query":"a"} "#,
            r#""arguments":{"query":"a"},"z":{"query":"b"}"#,
            r#""z":1,"arguments":{"query":"a","z":"}"},"y":"}""#,
        ] {
            assert_eq!(call("search_books", members).await, "a (10)", "{members}");
        }
        let wrong = call("search_books", r#""arguments":{"query":1},"z":{}"#).await;
        assert!(wrong.as_str().unwrap().starts_with("invalid arguments: query: "), "{wrong}");
        for broken in [
            r#""arguments":{"query":"a"},"arguments":{"query":"b"}"#,
            r#""arguments":{"query":"a"},"name":"fail""#,
            r#""arguments":{"query":"a"},"z""#,
            r#""arguments":{"query":"a","z":01}"#,
            r#""arguments":{"query":"a"}}"#,
        ] {
            assert_eq!(call("search_books", broken).await, -32602, "{broken}");
            assert_eq!(call("fail", broken).await, -32602, "{broken}");
        }
    }
}

#[tokio::test]
async fn a_panic_fails_only_its_own_request() {
    let client = connect(&bookshop().build()).await;
    let (code, _) = client.error("tools/call", json!({"name": "panic"})).await;
    assert_eq!(code, -32603);
    let params = json!({"name": "panic_at_once", "arguments": {"steps": 1}});
    assert_eq!(client.error("tools/call", params).await.0, -32603);
    client.call("panic_at_once", json!({"steps": 0})).await;
}

#[tokio::test]
async fn progress_comes_in_order_before_the_response_and_only_when_asked_for() {
    let server = bookshop().build();
    for (client, mut meta) in
        [(connect(&server).await, meta()), (initialized(&server, "2025-11-25").await, json!({}))]
    {
        // More than the capacity of the queue.
        let steps = 100;
        let mut params = json!({"name": "count", "arguments": {"steps": steps}});
        let (messages, response) = client.exchange("tools/call", params.clone()).await;
        assert!(messages.is_empty());
        assert_eq!(response["result"]["content"][0]["text"], "counted");

        meta["progressToken"] = json!("token");
        params["_meta"] = meta;
        let (messages, response) = client.exchange("tools/call", params).await;
        let expected: Vec<_> = (1..=steps)
            .map(|step| {
                json!({
                    "jsonrpc": "2.0",
                    "method": "notifications/progress",
                    "params": {
                        "progressToken": "token",
                        "progress": step,
                        "total": steps,
                        "message": format!("step {step}"),
                    },
                })
            })
            .collect();
        assert_eq!(messages, expected);
        assert_eq!(response["result"]["content"][0]["text"], "counted");
    }
}

#[tokio::test]
async fn a_full_queue_makes_the_handler_wait() {
    let reported = Arc::new(AtomicUsize::new(0));
    let server = Server::builder("s")
        .tool("report", "", {
            let reported = Arc::clone(&reported);
            move |_: (), cx: Context| {
                let reported = Arc::clone(&reported);
                async move {
                    for step in 1..=1000 {
                        cx.progress(step).await;
                        reported.store(step, Ordering::Relaxed);
                    }
                }
            }
        })
        .build();
    let mut meta = meta();
    meta["progressToken"] = json!(1);
    let client = connect(&server).await;
    let mut exchange =
        client.open(1, "tools/call", &json!({"name": "report", "_meta": meta})).await;
    let before = reported.load(Ordering::Relaxed);
    assert!(before < 100, "{before}");
    let mut count = 0;
    while let Message::Notification(_) = exchange.next().await.unwrap().unwrap() {
        count += 1;
    }
    assert_eq!((count, reported.load(Ordering::Relaxed)), (1000, 1000));
}

#[tokio::test(start_paused = true)]
async fn another_task_may_send_progress() {
    let server = Server::builder("s")
        .tool("spawn", "", |_: (), cx: Context| async move {
            let task = tokio::spawn({
                let cx = cx.clone();
                async move {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    // More than the capacity of the queue.
                    for step in 1..=500 {
                        cx.progress(step).await;
                    }
                }
            });
            task.await.map_err(|error| error.to_string())
        })
        .build();
    let mut meta = meta();
    meta["progressToken"] = json!(1);
    let client = connect(&server).await;
    let (messages, _) =
        client.exchange("tools/call", json!({"name": "spawn", "_meta": meta})).await;
    assert_eq!(messages.len(), 500);
}

#[tokio::test]
async fn dropping_the_exchange_drops_the_handler_and_its_senders() {
    struct OnDrop(Arc<AtomicUsize>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let dropped = Arc::new(AtomicUsize::new(0));
    let (sender, mut contexts) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::builder("s")
        .tool("hold", "", {
            let dropped = Arc::clone(&dropped);
            move |_: (), cx: Context| {
                let guard = OnDrop(Arc::clone(&dropped));
                let sent = sender.send(cx);
                async move {
                    let _guard = guard;
                    sent.unwrap();
                    std::future::pending::<()>().await
                }
            }
        })
        .build();
    let mut meta = meta();
    meta["progressToken"] = json!(1);
    let client = connect(&server).await;
    let exchange = client.open(1, "tools/call", &json!({"name": "hold", "_meta": meta})).await;
    let cx = contexts.recv().await.unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    drop(exchange);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    for step in 1..100 {
        let mut sending = std::pin::pin!(cx.progress(step).into_future());
        let polled = sending.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(()));
    }
}

#[tokio::test]
async fn members_set_by_a_handler_depend_on_the_era() {
    let server = Server::builder("s")
        .tool("own", "", |_: ()| async {
            CallToolResult::from_text("x")
                .with_result_type(ResultType::Complete)
                .with_meta(Meta::new().with("com.example/own", 1))
        })
        .build();
    let modern = connect(&server).await.call("own", json!({})).await;
    assert_eq!(modern["resultType"], "complete");
    assert_eq!(
        modern["_meta"],
        json!({
            "com.example/own": 1,
            "io.modelcontextprotocol/serverInfo": {"name": "s", "version": "0.0.0"},
        })
    );
    let legacy = initialized(&server, "2025-11-25").await.call("own", json!({})).await;
    assert!(legacy.get("resultType").is_none());
    assert_eq!(legacy["_meta"], json!({"com.example/own": 1}));
}

#[tokio::test]
async fn tool_descriptions_are_listed() {
    let server = Server::builder("s")
        .tool_with("old", "Replaced", |tool| tool, |_: ()| async {})
        .tool("other", "Comes second", |_: ()| async {})
        .tool_with(
            "old",
            "Looks",
            |tool| {
                tool.with_title("Look")
                    .with_annotations(ToolAnnotations::new().with_read_only_hint(true))
            },
            |_: ()| async { "new" },
        )
        .build();
    let client = connect(&server).await;
    let tools = client.result("tools/list", json!({})).await["tools"].clone();
    assert_eq!(
        tools[0],
        json!({
            "name": "old",
            "title": "Look",
            "description": "Looks",
            "inputSchema": {"type": "object"},
            "annotations": {"readOnlyHint": true},
        })
    );
    assert_eq!((&tools[1]["name"], &tools[2]), (&json!("other"), &json!(null)));
    assert_eq!(client.call("old", json!({})).await["content"][0]["text"], "new");
}

#[tokio::test]
async fn a_tool_can_ask_for_input_and_sees_it_in_the_next_round() {
    let server = Server::builder("s")
        .tool("ask", "", |_: (), cx: Context| async move {
            match cx.input_responses().get("roots") {
                None => {
                    let request = InputRequest::from(ListRootsRequest::new());
                    Outcome::InputRequired(
                        InputRequiredResult::input_required()
                            .with_input_requests(Entries::from([("roots", request)]))
                            .with_request_state("round 1"),
                    )
                }
                Some(_) => {
                    let state = cx.request_state().unwrap_or_default();
                    CallToolResult::from_text(format!("after {state}")).into()
                }
            }
        })
        .build();
    let client = connect(&server).await;
    let first = client.call("ask", json!({})).await;
    assert_eq!(first["resultType"], "input_required");
    assert_eq!(first["inputRequests"]["roots"]["method"], "roots/list");
    assert!(first["_meta"]["io.modelcontextprotocol/serverInfo"].is_object());
    let params = json!({
        "name": "ask",
        "inputResponses": {"roots": {"roots": []}},
        "requestState": first["requestState"],
    });
    let second = client.result("tools/call", params).await;
    assert_eq!(second["content"][0]["text"], "after round 1");
    assert_eq!(second["resultType"], "complete");
    let legacy = initialized(&server, "2025-11-25").await;
    assert_eq!(legacy.error("tools/call", json!({"name": "ask"})).await.0, -32603);
}

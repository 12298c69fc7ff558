//! Calls: requests, progress, results, failures and limits.

use std::{
    future::{IntoFuture, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_core::Stream;
use mcp_core::{CallToolResult, LoggingLevel};
use mcp_session::{CacheMode, ErrorKind, Session, SessionOptions, Timeout};
use mcp_transport::Delivery;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::peer::{Peer, Reply, error, legacy, modern, result};

const SECOND: Duration = Duration::from_secs(1);

async fn open(peer: &Peer) -> Session {
    Session::open(peer.clone(), Some("bookshop"), SessionOptions::default()).await.unwrap()
}

fn last(peer: &Peer) -> Value {
    peer.received().last().unwrap().clone()
}

async fn settle() {
    tokio::time::sleep(SECOND).await;
}

/// A future over 1,032 bytes is not taken from the fast part of glibc's allocator; others are a matter of copying.
#[tokio::test(start_paused = true)]
async fn the_futures_of_a_session_are_small() {
    let plain = || modern(|message| result(message, json!({})));
    let session = open(&plain()).await;
    let connecting = Session::open(plain(), None, SessionOptions::default());
    for (name, size, bound) in [
        ("call_tool", size_of_val(&session.call_tool("x").into_future()), 512),
        ("list_tools", size_of_val(&*session.list_tools().into_future()), 1032),
        ("closed", size_of_val(&session.closed()), 1032),
        ("close", size_of_val(&session.close()), 1032),
        ("open", size_of_val(&connecting), 20 << 10),
    ] {
        assert!(size <= bound, "{name}: {size} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn arguments_meta_and_progress_token_are_sent_once() {
    let peer =
        modern(|message| result(message, json!({ "content": [], "resultType": "complete" })));
    let session = open(&peer).await;
    session
        .call_tool("find")
        .args(json!({ "a": 1 }))
        .arg("b", [2])
        .meta(mcp_core::Meta::new().with("com.example/x", true))
        .on_progress(|_| {})
        .await
        .unwrap();
    let params = &last(&peer)["params"];
    assert_eq!(params["name"], "find");
    assert_eq!(params["arguments"], json!({ "a": 1, "b": [2] }));
    assert_eq!(params["_meta"]["progressToken"], last(&peer)["id"]);
    assert_eq!(params["_meta"]["com.example/x"], true);
    assert_eq!(params["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");

    let own = json!({
        "com.example/y": 1,
        "io.modelcontextprotocol/protocolVersion": "1999-01-01",
        "progressToken": "mine",
    });
    let raw = json!({ "_meta": own, "key": "value" });
    session.request("x/y", &raw).on_progress(|_| {}).await.unwrap();
    assert_eq!(last(&peer)["params"]["_meta"]["progressToken"], last(&peer)["id"]);
    let params = &last(&peer)["params"];
    assert_eq!((&params["key"], &params["_meta"]["com.example/y"]), (&json!("value"), &json!(1)));
    assert_eq!(params["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");

    let raw = json!({ "name": "find", "_meta": { "com.example/y": 1 }, "arguments": { "a": 1 } });
    let call = session.request("tools/call", &raw).returning::<CallToolResult>();
    call.arg("b", 2).await.unwrap();
    let params = &last(&peer)["params"];
    assert_eq!((&params["name"], &params["_meta"]["com.example/y"]), (&json!("find"), &json!(1)));
    assert_eq!(params["arguments"], json!({ "a": 1, "b": 2 }));

    let failure = session.call_tool("find").args([1]).await.unwrap_err();
    assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Arguments, Delivery::NotSent));
    assert!(failure.to_string().starts_with("bookshop: tools/call: "), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn legacy_requests_carry_no_meta() {
    let peer = legacy(|message| result(message, json!({ "tools": [] })));
    let session = open(&peer).await;
    session.list_tools().await.unwrap();
    assert_eq!(last(&peer).get("params"), None);
    session.ping().await.unwrap();
    assert_eq!(last(&peer)["method"], "ping");
}

#[tokio::test(start_paused = true)]
async fn progress_arrives_in_order_and_before_the_result() {
    let peer = modern(|message| {
        let progress = |n: u32| {
            json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {
                "progressToken": message["params"]["_meta"]["progressToken"], "progress": n } })
        };
        let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": { "content": [] } });
        Reply::Lines((1..=200).map(progress).chain([answer]).collect())
    });
    let session = open(&peer).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let call = session.call_tool("slow").on_progress(move |progress| {
        log.lock().unwrap().push(progress.progress.to_string());
    });
    call.await.unwrap();
    let expected: Vec<String> = (1..=200).map(|n| n.to_string()).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
    session.call_tool("slow").on_progress(|_| panic!("as it should")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_call_after_300_seconds_and_cancels_it() {
    let peer = modern(|_| Reply::Nothing);
    let session = open(&peer).await;
    let start = Instant::now();
    let failure = session.call_tool("stuck").await.unwrap_err();
    assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Timeout, Delivery::Unknown));
    assert_eq!(start.elapsed(), 300 * SECOND);
    settle().await;
    assert_eq!(last(&peer)["method"], "notifications/cancelled");
    assert_eq!(last(&peer)["params"]["requestId"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_overrides_the_timeout_or_removes_it() {
    let peer = modern(|_| Reply::Nothing);
    let session = open(&peer).await;
    for (timeout, seconds) in [
        (Timeout::total(2 * SECOND), 2),
        (Timeout::idle(7 * SECOND), 7),
        (Timeout::total(900 * SECOND), 900),
    ] {
        let start = Instant::now();
        let failure = session.call_tool("stuck").timeout(timeout).await.unwrap_err();
        assert_eq!((failure.kind(), start.elapsed()), (ErrorKind::Timeout, seconds * SECOND));
    }
    let unlimited = session.call_tool("stuck").timeout(Timeout::NONE).into_future();
    assert!(tokio::time::timeout(100_000 * SECOND, unlimited).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_cancels_it_once_and_the_session_lives_on() {
    let peer = modern(|message| match message["params"]["name"].as_str() {
        Some("quick") => result(message, json!({ "content": [{ "type": "text", "text": "ok" }] })),
        _ => Reply::Nothing,
    });
    let session = open(&peer).await;
    let slow = session.call_tool("slow").into_future();
    assert!(tokio::time::timeout(SECOND, slow).await.is_err());
    assert_eq!(session.call_tool("quick").await.unwrap().text(), "ok");
    let cancelled =
        peer.methods().into_iter().filter(|method| method == "notifications/cancelled").count();
    assert_eq!(cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn protocol_errors_differ_from_tool_failures() {
    let peer = modern(|message| match message["params"]["name"].as_str() {
        Some("failing") => result(
            message,
            json!({ "content": [{ "type": "text", "text": "no book" }], "isError": true }),
        ),
        Some("asking") => {
            result(message, json!({ "resultType": "input_required", "requestState": "s" }))
        }
        Some("odd") => result(message, json!({ "content": 7 })),
        Some("strange") => result(message, json!({ "resultType": "strange", "content": [] })),
        _ => error(message, json!({ "code": -32602, "message": "unknown tool" })),
    });
    let session = open(&peer).await;
    let failing = session.call_tool("failing").await.unwrap();
    assert_eq!(failing.into_result().unwrap_err().to_string(), "no book");

    let unknown = session.call_tool("unknown").await.unwrap_err();
    assert_eq!((unknown.kind(), unknown.answer().unwrap().code), (ErrorKind::Answer, -32602));
    assert_eq!(
        unknown.to_string(),
        "bookshop: tools/call unknown: the server answered: unknown tool (-32602)"
    );
    let asking = session.call_tool("asking").await.unwrap_err();
    assert_eq!(asking.kind(), ErrorKind::InputRequired);
    assert_eq!(asking.input_required().unwrap().request_state.as_deref(), Some("s"));
    assert_eq!(session.call_tool("odd").await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(session.call_tool("strange").await.unwrap_err().kind(), ErrorKind::Decode);
    let ping = session.request("ping", &()).await.unwrap_err();
    assert_eq!(ping.kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_fails_open_calls_and_closes_the_session() {
    let peer = modern(|message| match message["params"]["name"].as_str() {
        Some("end") => Reply::Close,
        _ => Reply::Nothing,
    });
    let session = open(&peer).await;
    let open = tokio::spawn(session.call_tool("open").into_future());
    settle().await;
    assert!(!session.is_closed());
    let ended = session.call_tool("end").await.unwrap_err();
    assert_eq!((ended.kind(), ended.delivery()), (ErrorKind::Closed, Delivery::Unknown));
    assert_eq!(open.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    settle().await;
    assert!(session.is_closed());
    let refused = session.call_tool("more").await.unwrap_err();
    assert_eq!((refused.kind(), refused.delivery()), (ErrorKind::Closed, Delivery::NotSent));
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_legacy_server_are_answered() {
    let peer = legacy(|message| match message["method"].as_str() {
        Some("tools/list") => {
            let Reply::Lines(answer) = result(message, json!({ "tools": [] })) else { panic!() };
            let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
            let roots = json!({ "jsonrpc": "2.0", "id": "r", "method": "roots/list" });
            Reply::Lines([ping, roots].into_iter().chain(answer).collect())
        }
        _ => Reply::Nothing,
    });
    let session = open(&peer).await;
    session.list_tools().await.unwrap();
    settle().await;
    let received = peer.received();
    let [.., ping, roots] = &received[..] else { panic!() };
    assert_eq!(*ping, json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
    assert_eq!((&roots["id"], &roots["error"]["code"]), (&json!("r"), &json!(-32601)));
}

#[tokio::test(start_paused = true)]
async fn notifications_are_passed_on_in_order() {
    let peer = modern(|message| {
        let note = |n: u32| json!({ "jsonrpc": "2.0", "method": format!("notifications/{n}") });
        let Reply::Lines(answer) = result(message, json!({ "tools": [] })) else { panic!() };
        Reply::Lines((0..5).map(note).chain(answer).collect())
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let mut options = SessionOptions::default();
    options.on_notification = Some(Arc::new(move |notification: &mcp_core::Notification| {
        log.lock().unwrap().push(notification.method.clone().into_owned());
    }));
    let session = Session::open(peer, None, options).await.unwrap();
    session.list_tools().await.unwrap();
    settle().await;
    assert_eq!(seen.lock().unwrap().len(), 5);
    assert!(seen.lock().unwrap().is_sorted());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_leaves_the_session_alive() {
    let peer = legacy(|message| {
        // The response to the ping gets no response.
        if message["method"] != "tools/list" {
            return Reply::Nothing;
        }
        let Reply::Lines(answer) = result(message, json!({ "tools": [] })) else { panic!() };
        let note = json!({ "jsonrpc": "2.0", "method": "notifications/x" });
        let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        Reply::Lines([note, ping].into_iter().chain(answer).collect())
    });
    let mut options = SessionOptions::default();
    options.on_notification = Some(Arc::new(|_: &mcp_core::Notification| panic!("as it should")));
    let session = Session::open(peer.clone(), None, options).await.unwrap();
    session.list_tools().await.unwrap();
    settle().await;
    assert_eq!(last(&peer), json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
    assert!(!session.is_closed());
}

fn paged(cursor_after: impl Fn(u64) -> Option<String> + Send + Sync + 'static) -> Peer {
    let pages = Mutex::new(0);
    modern(move |message| {
        let mut page = pages.lock().unwrap();
        *page += 1;
        let tool = |name: String| json!({ "name": name, "inputSchema": { "type": "object" } });
        let mut list = json!({ "tools": [tool(format!("a{page}")), 7, tool(format!("b{page}"))] });
        if let Some(cursor) = cursor_after(*page) {
            list["nextCursor"] = json!(cursor);
        }
        result(message, list)
    })
}

#[tokio::test(start_paused = true)]
async fn lists_have_all_pages_one_page_or_a_stream() {
    // An empty string is a valid cursor.
    let cursors =
        |page| [None, Some(String::new()), Some("c".to_owned()), None][page as usize].clone();
    let peer = paged(cursors);
    let session = open(&peer).await;
    let names: Vec<String> =
        session.list_tools().await.unwrap().into_iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["a1", "b1", "a2", "b2", "a3", "b3"], "what cannot be read is left out");
    let asked: Vec<Value> =
        peer.received()[1..].iter().map(|request| request["params"]["cursor"].clone()).collect();
    assert_eq!(asked, [Value::Null, json!(""), json!("c")]);

    let session = open(&paged(cursors)).await;
    let page = session.list_tools().page(None).await.unwrap();
    assert_eq!((page.tools.len(), page.tools.skipped().len()), (2, 1));
    assert_eq!(page.next_cursor.as_deref(), Some(""));
}

#[tokio::test(start_paused = true)]
async fn a_repeating_list_ends_with_the_received_elements() {
    for cursor in ["round", ""] {
        let peer = modern(move |message| match message["method"].as_str() {
            Some("tools/list") => {
                let tool = |name| json!({ "name": name, "inputSchema": { "type": "object" } });
                let tools = [tool("a"), tool("b")];
                result(
                    message,
                    json!({ "resultType": "complete", "tools": tools, "nextCursor": cursor }),
                )
            }
            _ => Reply::Nothing,
        });
        let session = open(&peer).await;
        let tools = session.list_tools().cache(CacheMode::Bypass).await.unwrap();
        let names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(peer.asked("tools/list").len(), 3, "the repeated page has nothing new");
    }
    // A repeated cursor alone does not end a list.
    let session = open(&paged(|page| (page < 4).then(|| "round".to_owned()))).await;
    assert_eq!(session.list_tools().await.unwrap().len(), 8);
    let session = open(&paged(|_| Some("round".to_owned()))).await;
    assert_eq!(session.list_tools().max_pages(7).await.unwrap().len(), 14);
}

#[tokio::test(start_paused = true)]
async fn endless_lists_are_errors() {
    let session = open(&paged(|page| Some(page.to_string()))).await;
    let mut items = session.list_tools().max_pages(2).stream();
    let mut names = Vec::new();
    let failure = loop {
        match poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await.unwrap() {
            Ok(tool) => names.push(tool.name),
            Err(failure) => break failure,
        }
    };
    assert_eq!(names, ["a1", "b1", "a2", "b2"], "what was there comes before the error");
    assert_eq!((failure.kind(), failure.method()), (ErrorKind::Pagination, Some("tools/list")));
    assert!(poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await.is_none());

    let session = open(&paged(|page| Some(page.to_string()))).await;
    let failure = session.list_tools().max_pages(5).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Pagination);
    assert!(failure.to_string().contains("more than 5 pages"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn close_ends_open_calls_and_may_be_repeated() {
    let peer = modern(|_| Reply::Nothing);
    let session = open(&peer).await;
    let open = tokio::spawn(session.call_tool("open").into_future());
    settle().await;
    session.close().await.unwrap();
    assert_eq!(open.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert!(session.is_closed());
    session.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_log_level_is_sent_in_the_way_of_each_era() {
    const KEY: &str = "io.modelcontextprotocol/logLevel";
    let new = modern(|message| result(message, json!({ "tools": [], "resultType": "complete" })));
    let session = open(&new).await;
    session.list_tools().await.unwrap();
    assert_eq!(last(&new)["params"]["_meta"].get(KEY), None);
    session.set_log_level(LoggingLevel::Warning).await.unwrap();
    session.list_tools().await.unwrap();
    assert_eq!(last(&new)["params"]["_meta"][KEY], "warning");
    let own = mcp_core::Meta::new().with(KEY, "debug");
    session.request("tools/list", &()).meta(own).await.unwrap();
    assert_eq!(last(&new)["params"]["_meta"][KEY], "debug", "a call may say another");
    assert!(!new.methods().contains(&"logging/setLevel".to_owned()));

    let old = legacy(|message| result(message, json!({ "tools": [] })));
    let session = open(&old).await;
    session.set_log_level(LoggingLevel::Warning).await.unwrap();
    assert_eq!(last(&old)["method"], "logging/setLevel");
    assert_eq!(last(&old)["params"], json!({ "level": "warning" }));
    session.list_tools().await.unwrap();
    assert_eq!(last(&old).get("params"), None);
}

#[tokio::test(start_paused = true)]
async fn methods_of_the_other_era_are_not_sent_and_name_the_alternative() {
    for (peer, methods) in [
        (modern(|_| Reply::Nothing), &["ping", "logging/setLevel", "resources/subscribe"][..]),
        (legacy(|_| Reply::Nothing), &["subscriptions/listen", "server/discover"][..]),
    ] {
        let session = open(&peer).await;
        settle().await;
        let before = peer.received().len();
        for method in methods {
            let failure = session.request(*method, &()).await.unwrap_err();
            assert_eq!(
                (failure.kind(), failure.delivery()),
                (ErrorKind::Unsupported, Delivery::NotSent)
            );
            assert!(failure.to_string().contains(" era "), "{failure}");
        }
        settle().await;
        assert_eq!(peer.received().len(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_has_a_limit_in_bytes() {
    let pages = |page: u64| Some("x".repeat(100_000) + &page.to_string());
    let session = open(&paged(pages)).await;
    let failure = session.list_tools().max_bytes(450_000).await.unwrap_err();
    assert_eq!((failure.kind(), failure.method()), (ErrorKind::TooLarge, Some("tools/list")));
    assert_eq!(failure.delivery(), Delivery::Answered);
    assert!(failure.to_string().contains("more than 450000 bytes"), "{failure}");
    assert!(failure.to_string().contains("raise the limit"), "{failure}");
}

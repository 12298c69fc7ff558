//! Errors of calls: text and accessors.

use mcp_core::{RawJson, SubscriptionFilter, method};
use mcp_session::{Error, ErrorKind, Handlers, Session, SessionOptions};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply, modern, result};

async fn open(peer: &Peer) -> Session {
    Session::open(peer.clone(), Some("shop"), SessionOptions::default()).await.unwrap()
}

/// A server with two tools, a prompt and a resource. It reports an unknown tool as an error, or as a failed result.
fn shop(unknown_is_result: bool) -> Peer {
    let complete = |mut object: Value| {
        object["resultType"] = json!("complete");
        object
    };
    modern(move |message| match message["method"].as_str() {
        Some(method::TOOLS_LIST) => {
            let tool = |name| json!({ "name": name, "inputSchema": { "type": "object" } });
            result(message, complete(json!({ "tools": [tool("search_books"), tool("buy_book")] })))
        }
        Some(method::PROMPTS_LIST) => {
            result(message, complete(json!({ "prompts": [{ "name": "recommend" }] })))
        }
        Some(method::TOOLS_CALL) if unknown_is_result => {
            let text = json!({ "type": "text", "text": "Unknown tool" });
            result(message, complete(json!({ "content": [text], "isError": true })))
        }
        Some(method::PROMPTS_GET) if message["params"]["name"] == "recommend" => {
            result(message, complete(json!({ "messages": [] })))
        }
        Some(method::SUBSCRIPTIONS_LISTEN) => Reply::error(message, -32601, "Method not found"),
        _ => Reply::error(message, -32602, "unknown"),
    })
}

#[tokio::test(start_paused = true)]
async fn an_error_names_the_target_and_a_similar_name() {
    let session = open(&shop(false)).await;
    let failure = session.call_tool("serch_books").await.unwrap_err();
    assert_eq!((failure.method(), failure.target()), (Some("tools/call"), Some("serch_books")));
    assert_eq!(
        failure.to_string(),
        "shop: tools/call serch_books: the server answered: unknown (-32602)"
    );
    session.list_tools().await.unwrap();
    session.list_prompts().await.unwrap();
    let failure = session.call_tool("serch_books").await.unwrap_err();
    assert!(failure.to_string().ends_with(" (did you mean \"search_books\"?)"), "{failure}");
    let failure = session.get_prompt("recomend").await.unwrap_err();
    assert!(failure.to_string().ends_with(" (did you mean \"recommend\"?)"), "{failure}");
    // The name was listed, so the arguments are wrong.
    let failure = session.call_tool("buy_book").await.unwrap_err();
    assert!(!failure.to_string().contains("did you mean"), "{failure}");
    let failure = session.read_resource("file:///a\nb").await.unwrap_err();
    assert!(failure.to_string().starts_with(r"shop: resources/read file:///a\nb: "), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_tool_is_an_error_on_request() {
    let session = open(&shop(true)).await;
    assert!(session.call_tool("serch_books").await.unwrap().is_error());
    let failure = session.call_tool("serch_books").or_error().await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Tool);
    assert_eq!(failure.to_string(), "shop: tools/call serch_books: Unknown tool");
    assert_eq!(failure.target(), Some("serch_books"));
    assert_eq!(failure.result().unwrap().text(), "Unknown tool");

    session.list_tools().await.unwrap();
    let failure = session.call_tool("serch_books").or_error().await.unwrap_err();
    assert!(failure.to_string().ends_with(" (did you mean \"search_books\"?)"), "{failure}");
    // `?` converts the error of the result.
    let convert = async || {
        let result = session.call_tool("buy_book").await?;
        result.into_result()?;
        Ok::<(), Error>(())
    };
    assert_eq!(convert().await.unwrap_err().kind(), ErrorKind::Tool);
}

#[tokio::test(start_paused = true)]
async fn arguments_of_prompts_are_sent_as_strings() {
    let peer = shop(false);
    let session = open(&peer).await;
    session.get_prompt("recommend").arg("taste", "sand").arg("count", 3).await.unwrap();
    let sent = peer.received().pop().unwrap();
    assert_eq!(sent["params"]["arguments"], json!({ "taste": "sand", "count": "3" }));
}

#[tokio::test(start_paused = true)]
async fn subscribing_without_support_is_unsupported() {
    let session = open(&shop(false)).await;
    let filter = SubscriptionFilter::new().with_tools_list_changed(true);
    let failure = session.subscribe(filter).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Unsupported);
    assert!(failure.answer().is_some_and(|answer| answer.code == -32601));
    let text = failure.to_string();
    assert!(
        text.starts_with("shop: subscriptions/listen: the server does not support subscriptions"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_ping_is_a_discovery_in_the_modern_era() {
    let peer = shop(false);
    let session = open(&peer).await;
    session.ping().await.unwrap();
    assert_eq!(peer.asked("server/discover").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_progress_handler_may_be_stateful() {
    let peer = modern(|message| match message["method"].as_str() {
        Some(method::TOOLS_CALL) => {
            let token = &message["params"]["_meta"]["progressToken"];
            let progress = |done: u32| {
                let params = json!({ "progressToken": token, "progress": done });
                json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params })
            };
            let done = json!({ "content": [], "resultType": "complete" });
            let mut messages = vec![progress(1), progress(2)];
            messages.push(json!({ "jsonrpc": "2.0", "id": message["id"], "result": done }));
            Reply::Lines(messages)
        }
        _ => Reply::Nothing,
    });
    let session = open(&peer).await;
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut total = 0.0;
    let call = session.call_tool("count").on_progress(move |progress| {
        total += progress.progress.to_f64();
        sender.send(total).unwrap();
    });
    call.await.unwrap();
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [1.0, 3.0]);
}

#[test]
fn merged_handlers_replace_those_of_the_same_kind_only() {
    let first = Handlers::new().roots([]).on_log(|_| {});
    let second = Handlers::new().on_request(|_| async { RawJson::trusted("{}") });
    let merged = format!("{:?}", first.merge(second));
    assert!(merged.contains("roots: true") && merged.contains("other: true"), "{merged}");
}

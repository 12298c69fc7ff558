//! Requests of servers.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_core::{ErrorObject, RawJson};
use mcp_session::{Handlers, RawRequest, ServerRequest, Session, SessionOptions};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply, legacy, result};

/// A legacy server that sends these requests when it is called, and then responds.
pub(crate) fn asking(questions: Vec<Value>) -> Peer {
    legacy(move |message| match message["method"].as_str() {
        Some("tools/call") => {
            let mut lines = questions.clone();
            lines.push(json!({
                "jsonrpc": "2.0", "id": message["id"], "result": { "content": [] },
            }));
            Reply::Lines(lines)
        }
        Some("ping") => result(message, json!({})),
        Some("x/cancel") => {
            let params = message["params"].clone();
            let Reply::Lines(mut lines) = result(message, json!({})) else { panic!() };
            let method = "notifications/cancelled";
            lines.push(json!({ "jsonrpc": "2.0", "method": method, "params": params }));
            Reply::Lines(lines)
        }
        _ => Reply::Nothing,
    })
}

fn question(id: Value, method: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": { "x": 1 } })
}

/// Answers `quick` with the server's name and the params, `slow` after a second; `never` never completes, `panics`
/// panics, and other methods are unknown.
fn handlers(ended: Arc<AtomicU32>) -> Handlers {
    struct OnDrop(Arc<AtomicU32>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    Handlers::new().on_request(move |request: ServerRequest<RawRequest>| {
        let guard = OnDrop(Arc::clone(&ended));
        async move {
            let _guard = guard;
            match &*request.params.method {
                "quick" => {
                    let params: Value = request.params.params.unwrap().decode().unwrap();
                    let answer = json!({ "server": *request.server, "got": params });
                    Ok(RawJson::from_serialize(&answer).unwrap())
                }
                "slow" => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok(RawJson::from_serialize(&json!({ "slow": true })).unwrap())
                }
                "never" => pending().await,
                "panics" => panic!("on purpose"),
                _ => Err(ErrorObject::new(-32601, "what?")),
            }
        }
    })
}

async fn open(peer: &Peer, ended: &Arc<AtomicU32>) -> Session {
    let mut options = SessionOptions::default();
    options.handlers = handlers(Arc::clone(ended));
    Session::open(peer.clone(), Some("bookshop"), options).await.unwrap()
}

/// The response of the client to the request with this id.
pub(crate) fn answer(peer: &Peer, id: impl Into<Value>) -> Option<Value> {
    let id = id.into();
    let is_answer = |message: &Value| message.get("method").is_none() && message["id"] == id;
    peer.received().into_iter().find(is_answer)
}

pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn requests_are_answered_concurrently_with_the_name_of_the_server() {
    let peer = asking(vec![
        question(json!("a"), "slow"),
        question(json!(1), "quick"),
        question(json!("1"), "nonsense"),
        question(json!("p"), "ping"),
    ]);
    let session = open(&peer, &Arc::default()).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    let quick = answer(&peer, 1).unwrap();
    assert_eq!(quick["result"], json!({ "server": "bookshop", "got": { "x": 1 } }));
    assert_eq!(answer(&peer, "a").unwrap()["result"], json!({ "slow": true }));
    assert_eq!(answer(&peer, "1").unwrap()["error"]["code"], -32601);
    assert_eq!(answer(&peer, "p").unwrap()["result"], json!({}));
    let order: Vec<Value> =
        peer.received().into_iter().filter(|m| m.get("method").is_none()).collect();
    assert_eq!(order.last().unwrap()["id"], "a", "the slow one held nobody up");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_of_that_request_alone() {
    let peer = asking(vec![question(json!(1), "panics"), question(json!(2), "quick")]);
    let session = open(&peer, &Arc::default()).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    assert_eq!(answer(&peer, 1).unwrap()["error"]["code"], -32603);
    assert_eq!(answer(&peer, 2).unwrap()["result"]["got"], json!({ "x": 1 }));
    session.ping().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_gets_no_response() {
    let ended = Arc::new(AtomicU32::new(0));
    let peer = asking(vec![question(json!(7), "never"), question(json!("7"), "never")]);
    let session = open(&peer, &ended).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    session.request("x/cancel", &json!({ "requestId": 7 })).await.unwrap();
    settle().await;
    assert_eq!(ended.load(Ordering::SeqCst), 1, "the other id is another request");
    assert_eq!((answer(&peer, 7), answer(&peer, "7")), (None, None));
    session.close().await.unwrap();
    settle().await;
    assert_eq!(ended.load(Ordering::SeqCst), 2, "the session has ended it");
}

#[tokio::test(start_paused = true)]
async fn work_for_the_server_ends_with_the_last_handle() {
    let ended = Arc::new(AtomicU32::new(0));
    let peer = asking(vec![question(json!(7), "never")]);
    let session = open(&peer, &ended).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    drop(session);
    settle().await;
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_are_refused() {
    let peer = asking((0..70).map(|id| question(json!(id), "never")).collect());
    let session = open(&peer, &Arc::default()).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    assert_eq!(answer(&peer, 63), None);
    assert_eq!(answer(&peer, 64).unwrap()["error"]["code"], -32603);
    assert_eq!(answer(&peer, 69).unwrap()["error"]["code"], -32603);
}

#[tokio::test(start_paused = true)]
async fn a_ping_is_answered_while_all_handlers_are_busy() {
    let mut questions: Vec<_> = (0..70).map(|id| question(json!(id), "never")).collect();
    questions.extend((0..50).map(|id| question(json!(format!("ping {id}")), "ping")));
    let peer = asking(questions);
    let session = open(&peer, &Arc::default()).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    for id in 0..50 {
        let answer = answer(&peer, format!("ping {id}")).unwrap();
        assert_eq!(answer["result"], json!({}));
    }
}

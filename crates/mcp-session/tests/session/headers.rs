//! Calls whose headers do not match what the server requires.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_session::{ErrorKind, Input, Session, SessionOptions, extension::ExtensionHost};
use mcp_transport::Binding;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::peer::{Peer, Reply, error, modern, result, routings};

const SECOND: Duration = Duration::from_secs(1);

/// A server that requires a region header and lists it in all lists but the first. The durations are those of a list
/// and of an accepted call.
fn server(list: Duration, call: Duration) -> Peer {
    let (lists, calls) = (AtomicU32::new(0), AtomicU32::new(0));
    modern(move |message| match message["method"].as_str() {
        Some("tools/list") => {
            let mut region = json!({ "type": "string" });
            if lists.fetch_add(1, Ordering::SeqCst) > 0 {
                region["x-mcp-header"] = json!("Region");
            }
            let schema = json!({ "type": "object", "properties": { "region": region } });
            let tools = json!([{ "name": "x", "inputSchema": schema }]);
            let list_of = result(message, json!({ "resultType": "complete", "tools": tools }));
            Reply::Later(list, Box::new(list_of))
        }
        Some("tools/call") if calls.fetch_add(1, Ordering::SeqCst) == 0 => {
            error(message, json!({ "code": -32020, "message": "Mcp-Param-Region is missing" }))
        }
        Some("tools/call") => {
            let done = json!({ "resultType": "complete", "content": [] });
            Reply::Later(call, Box::new(result(message, done)))
        }
        _ => Reply::Nothing,
    })
    .bound(Binding::StreamableHttp)
}

async fn listed(peer: &Peer) -> Session {
    let session = Session::open(peer.clone(), None, SessionOptions::default()).await.unwrap();
    session.list_tools().await.unwrap();
    session
}

fn sent(peer: &Peer) -> Vec<Vec<(String, String)>> {
    let params = routings(peer).into_iter().map(|it| it.params);
    params.filter(|params| !params.is_empty()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_is_repeated_once_with_the_listed_headers() {
    let region = vec![("Region".to_owned(), "eu".to_owned())];
    let peer = server(Duration::ZERO, Duration::ZERO);
    listed(&peer).await.call_tool("x").arg("region", "eu").await.unwrap();
    assert_eq!(sent(&peer), std::slice::from_ref(&region));

    let peer = server(Duration::ZERO, Duration::ZERO);
    let by_hand = listed(&peer).await.call_tool("x").arg("region", "eu").manual_input();
    assert!(matches!(by_hand.await.unwrap(), Input::Done(_)));
    assert_eq!(sent(&peer), std::slice::from_ref(&region));

    let peer = server(Duration::ZERO, Duration::ZERO);
    let raw = json!({ "name": "x", "arguments": { "region": "eu" } });
    listed(&peer).await.request("tools/call", &raw).await.unwrap();
    assert_eq!(sent(&peer), [region]);
}

#[tokio::test(start_paused = true)]
async fn the_total_timeout_includes_the_correction_of_headers() {
    // The list takes too long, or the call has no time left.
    for (list, call) in [(100 * SECOND, Duration::ZERO), (3 * SECOND, 3 * SECOND)] {
        let peer = server(list, call);
        let session = listed(&peer).await;
        let start = Instant::now();
        let error = session.call_tool("x").timeout(5 * SECOND).await.unwrap_err();
        assert_eq!((error.kind(), start.elapsed()), (ErrorKind::Timeout, 5 * SECOND), "{error}");
        assert_eq!(error.method(), Some("tools/call"));

        let peer = server(list, call);
        let session = listed(&peer).await;
        let start = Instant::now();
        let call = session.call_tool("x").timeout(5 * SECOND).manual_input();
        assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(start.elapsed(), 5 * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn each_manual_round_has_the_full_timeout() {
    let (calls, seen) = (AtomicU32::new(0), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&seen);
    let peer = modern(move |message: &Value| match message["method"].as_str() {
        Some("tools/list") => {
            let list = json!({ "resultType": "complete", "tools": [] });
            Reply::Later(3 * SECOND, Box::new(result(message, list)))
        }
        Some("tools/call") => match calls.fetch_add(1, Ordering::SeqCst) {
            0 => error(message, json!({ "code": -32020, "message": "headers" })),
            1 => {
                let more = json!({ "resultType": "input_required", "requestState": "s" });
                result(message, more)
            }
            _ => {
                counted.fetch_add(1, Ordering::SeqCst);
                let done = json!({ "resultType": "complete", "content": [] });
                Reply::Later(4 * SECOND, Box::new(result(message, done)))
            }
        },
        _ => Reply::Nothing,
    })
    .bound(Binding::StreamableHttp);
    let session = Session::open(peer, None, SessionOptions::default()).await.unwrap();
    let call = session.call_tool("x").timeout(5 * SECOND).manual_input();
    let Input::Required(round) = call.await.unwrap() else { panic!("it is not asked") };
    let none: [(&str, _); 0] = [];
    let again = round.answer(none).unwrap().await.unwrap();
    assert!(matches!(again, Input::Done(_)));
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn the_routing_of_a_call_names_its_target() {
    let peer = modern(|message| result(message, json!({ "resultType": "complete" })));
    let peer = peer.bound(Binding::StreamableHttp);
    let session = Session::open(peer.clone(), None, SessionOptions::default()).await.unwrap();
    let _ = session.call_tool("a").arg("name", "b").await;
    let _ = session.get_prompt("p").await;
    let _ = session.read_resource("file:///r").await;
    let _ = session.list_tools().await;
    let _ = session.request("tools/call", &json!({ "name": "raw" })).await;
    let host = ExtensionHost::new(&session);
    let _ = host.request("tasks/get", "t1", &json!({ "taskId": "t1" })).await;
    let names: Vec<_> = routings(&peer).into_iter().map(|it| it.name.unwrap()).collect();
    assert_eq!(names, ["a", "p", "file:///r", "t1"]);

    let peer = modern(|message| result(message, json!({ "resultType": "complete" })));
    let session = Session::open(peer.clone(), None, SessionOptions::default()).await.unwrap();
    let _ = session.call_tool("a").await;
    assert!(routings(&peer).is_empty(), "a pipe has no headers");
}

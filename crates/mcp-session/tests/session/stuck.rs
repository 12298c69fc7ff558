//! Carriers that accept a message and never complete: every wait is bounded.

use std::{sync::Mutex, time::Duration};

use mcp_session::{EraPolicy, ErrorKind, Session, SessionOptions, Timeout};
use mcp_transport::Delivery;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    faulty::{ASKS, FAILS, Fate, Fault, Faulty},
    peer::{Peer, Reply, discover, legacy, modern, peer},
};

const SECOND: Duration = Duration::from_secs(1);

async fn open(peer: Peer, fate: Fate) -> Session {
    Session::open(Faulty(peer, fate), Some("bookshop"), SessionOptions::default()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_never_accepted_times_out_with_unknown_delivery() {
    let peer = modern(|_| Reply::Nothing);
    let session = open(peer, |method| (method == "tools/call").then_some(Fault::Hangs)).await;
    let start = Instant::now();
    let failure = session.call_tool("order").timeout(5 * SECOND).await.unwrap_err();
    assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Timeout, Delivery::Unknown));
    assert_eq!(start.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_notification_arrives_and_its_wait_is_bounded() {
    let peer = modern(|_| Reply::Nothing);
    let session = open(peer.clone(), |method| (method == "x/stuck").then_some(Fault::Hangs)).await;
    session.notify("x/quick", &json!({ "key": 1 })).await.unwrap();
    session.notify("x/bare", &()).await.unwrap();
    tokio::time::sleep(SECOND).await;
    let [.., quick, bare] = &peer.received()[..] else { panic!() };
    assert_eq!((&quick["method"], &quick["params"]["key"]), (&json!("x/quick"), &json!(1)));
    assert_eq!(bare["method"], "x/bare");
    // Marked like all messages of the era; otherwise a server may treat it as one of the other era.
    for message in [quick, bare] {
        let meta = &message["params"]["_meta"];
        assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
        assert!(meta["io.modelcontextprotocol/clientCapabilities"].is_object());
    }

    let start = Instant::now();
    let failure = session.notify("x/stuck", &()).await.unwrap_err();
    assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Timeout, Delivery::Unknown));
    assert_eq!(start.elapsed(), 300 * SECOND);
    assert!(failure.to_string().starts_with("bookshop: x/stuck: "), "{failure}");

    let failure = session.notify("x/list", &[1]).await.unwrap_err();
    assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Arguments, Delivery::NotSent));
}

#[tokio::test(start_paused = true)]
async fn requests_of_a_legacy_server_during_a_call_are_answered() {
    let peer = legacy(|_| Reply::Nothing);
    let session = open(peer.clone(), |_| None).await;
    session.request(ASKS, &()).await.unwrap();
    tokio::time::sleep(SECOND).await;
    let [.., ping, roots] = &peer.received()[..] else { panic!() };
    assert_eq!(*ping, json!({ "jsonrpc": "2.0", "id": "theirs", "result": {} }));
    assert_eq!((&roots["id"], &roots["error"]["code"]), (&json!(1), &json!(-32601)));

    let session = open(modern(|_| Reply::Nothing), |_| None).await;
    session.request(ASKS, &()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_to_the_server_does_not_end_the_call() {
    let open = |fate| open(legacy(|_| Reply::Nothing), fate);
    let session = open(|method| method.is_empty().then_some(FAILS)).await;
    session.request(ASKS, &()).await.unwrap();

    let session = open(|method| method.is_empty().then_some(Fault::Hangs)).await;
    let start = Instant::now();
    session.request(ASKS, &()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO, "the result does not wait for it");
}

#[tokio::test(start_paused = true)]
async fn a_pinned_server_may_start_slowly_and_keeps_its_era() {
    let silent = peer(|_, _| Reply::Nothing);
    let mut options = SessionOptions::default();
    options.era = EraPolicy::Pinned(mcp_core::ProtocolVersion::V2026_07_28);
    let start = Instant::now();
    let failure = Session::open(silent, None, options.clone()).await.unwrap_err();
    assert_eq!((failure.kind(), failure.method()), (ErrorKind::Timeout, Some("server/discover")));
    assert_eq!(start.elapsed(), 60 * SECOND);

    let slow = peer(|_, message| match message["method"].as_str() {
        Some("server/discover") => {
            Reply::Later(20 * SECOND, Box::new(discover(message, &["2026-07-28"])))
        }
        _ => Reply::Nothing,
    });
    let session = Session::open(slow, None, options).await.unwrap();
    assert_eq!(session.server_info().unwrap().name, "new");
}

#[tokio::test(start_paused = true)]
async fn progress_restarts_the_idle_limit_but_not_the_total_one() {
    let talking = || {
        modern(|message| {
            let progress = |n: u32| {
                json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {
                    "progressToken": message["params"]["_meta"]["progressToken"], "progress": n } })
            };
            Reply::Later(3 * SECOND, Box::new(Reply::Lines(vec![progress(1)])))
        })
    };
    for (timeout, seconds) in [(Timeout::idle(5 * SECOND), 8), (Timeout::total(5 * SECOND), 5)] {
        let session = open(talking(), |_| None).await;
        let start = Instant::now();
        let call = session.call_tool("slow").on_progress(|_| {}).timeout(timeout);
        assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(start.elapsed(), seconds * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn progress_without_end_is_ended_by_the_total_limit() {
    let state = Mutex::new((Value::Null, 0));
    let peer = modern(move |message| {
        let (token, progress) = &mut *state.lock().unwrap();
        match message["method"].as_str() {
            Some("tools/call") => *token = message["params"]["_meta"]["progressToken"].clone(),
            Some("x/tick") => *progress += 1,
            _ => return Reply::Nothing,
        }
        Reply::Lines(vec![
            json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {
            "progressToken": token, "progress": progress } }),
        ])
    });
    let session = open(peer, |_| None).await;
    let ticks = session.clone();
    let ticking = tokio::spawn(async move {
        loop {
            tokio::time::sleep(3 * SECOND).await;
            ticks.notify("x/tick", &()).await.unwrap();
        }
    });
    let mut timeout = Timeout::idle(5 * SECOND);
    timeout.total = Some(60 * SECOND);
    let start = Instant::now();
    let call = session.call_tool("slow").on_progress(|_| {}).timeout(timeout);
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(start.elapsed(), 60 * SECOND);
    ticking.abort();
}

//! Servers of one era behind a bridge, and clients of both.

use std::future::{IntoFuture, pending};

use mcp_client::{
    Bridge, Client, EraPolicy, Memory, Session,
    serve::{Http, Listener},
    transport::{Envelope, Serve, SharedServe},
    types::{ProtocolVersion, RawObject, Request},
};
use mcp_testkit::{
    scripted::{Peer, Reply},
    until, within,
};
use serde_json::{Value, json};

const MODERN: EraPolicy = EraPolicy::Pinned(ProtocolVersion::LATEST_MODERN);

/// Responds with what it received, in the way of its era.
fn answer(era: &'static str, message: &Value) -> Reply {
    match message["method"].as_str() {
        Some("tools/call") => {
            let mut result = json!({ "content": [{ "type": "text", "text": era }], "odd": 1.50 });
            if era == "modern" {
                result["resultType"] = "complete".into();
            }
            Reply::result(message, result)
        }
        Some("odd/method") => Reply::result(message, json!({ "odd": message["params"]["a"] })),
        Some("ping") => Reply::result(message, json!({})),
        Some(_) if !message["id"].is_null() => Reply::error(message, -32601, "unknown method"),
        _ => Reply::Nothing,
    }
}

fn legacy() -> Peer {
    Peer::legacy(json!({ "tools": {} }), |_, message| answer("legacy", message))
}

fn modern() -> Peer {
    Peer::modern(json!({ "tools": {} }), |_, message| answer("modern", message))
}

async fn open(bridge: &SharedServe, era: EraPolicy) -> Session {
    let client = Client::new(Memory::new(bridge.clone())).unwrap().era(era);
    within(client.connect().into_future()).await.unwrap()
}

async fn call(session: &Session) -> String {
    within(session.call_tool("t").into_future()).await.unwrap().text()
}

fn bridge(peer: &Peer) -> Bridge {
    Client::new(peer.clone()).unwrap().bridge().unwrap()
}

#[tokio::test]
async fn clients_of_the_same_era_are_relayed() {
    for (peer, era) in [(legacy(), EraPolicy::Legacy), (modern(), MODERN)] {
        let bridge = SharedServe::new(bridge(&peer));
        for _ in 0..2 {
            let session = open(&bridge, era).await;
            call(&session).await;
            let mut params = RawObject::default();
            params.push("a", b"1.50".to_vec());
            let odd = session.forward("odd/method", params, RawObject::default());
            assert_eq!(within(odd.into_future()).await.unwrap().as_bytes(), br#"{"odd":1.5}"#);
        }
        assert_eq!(peer.connections(), 2, "one for each");
        within(bridge.close()).await;
    }
}

#[tokio::test]
async fn clients_of_the_other_era_share_a_session() {
    for (peer, era, name) in [(legacy(), MODERN, "legacy"), (modern(), EraPolicy::Legacy, "modern")]
    {
        let bridge = SharedServe::new(bridge(&peer));
        let sessions = [open(&bridge, era).await, open(&bridge, era).await];
        for session in &sessions {
            assert_eq!(call(session).await, name);
        }
        // That of the group; those of the relay are closed.
        until("one is left", || peer.open_connections() == 1).await;
        // Clients of its era are still relayed.
        let own = if era == MODERN { EraPolicy::Legacy } else { MODERN };
        let other = open(&bridge, own).await;
        assert_eq!(call(&other).await, name);
        assert_eq!(peer.open_connections(), 2);
        drop((sessions, other));
        within(bridge.close()).await;
        until("all are closed", || peer.open_connections() == 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_before_initialize_is_of_the_legacy_era() {
    let peer =
        Peer::legacy(json!({ "tools": {} }), |_, message| match message["method"].as_str() {
            Some("server/discover") => Reply::Nothing,
            _ => answer("legacy", message),
        });
    let bridge = SharedServe::new(bridge(&peer));
    let session = open(&bridge, MODERN).await;
    assert_eq!(call(&session).await, "legacy");
}

#[tokio::test]
async fn a_shared_bridge_has_one_session() {
    for peer in [legacy(), modern()] {
        let bridge = SharedServe::new(bridge(&peer).share(true));
        for era in [EraPolicy::Legacy, MODERN, EraPolicy::Auto] {
            let session = open(&bridge, era).await;
            call(&session).await;
            call(&open(&bridge, era).await).await;
        }
        assert!(peer.open_connections() <= 1);
        within(bridge.close()).await;
        until("it is closed", || peer.open_connections() == 0).await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_reachable_is_tried_again() {
    let peer = legacy();
    peer.refuse(100);
    let bridge = SharedServe::new(bridge(&peer));
    for era in [MODERN, EraPolicy::Legacy] {
        let client = Client::new(Memory::new(bridge.clone())).unwrap().era(era);
        within(client.connect().into_future()).await.unwrap_err();
    }
    peer.refuse(0);
    assert_eq!(call(&open(&bridge, MODERN).await).await, "legacy");
    assert_eq!(call(&open(&bridge, EraPolicy::Legacy).await).await, "legacy");
}

/// Each request has such a future in a box, into which it is copied.
#[tokio::test]
async fn a_client_that_disconnects_before_the_response_cancels_the_call() {
    let peer = Peer::modern(json!({ "tools": {} }), |_, message| {
        match message["params"]["name"] == "silent" {
            true => Reply::Nothing,
            false => answer("modern", message),
        }
    });
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let serving = tokio::spawn(listener.serve(Http::new(bridge(&peer)), pending::<()>()));
    let session = within(Client::new(url).unwrap().era(MODERN).connect().into_future()).await;
    let session = session.unwrap();
    let waiting = tokio::spawn(session.call_tool("silent").into_future());
    until("it has come", || !peer.asked("tools/call").is_empty()).await;
    waiting.abort();
    until("it is cancelled", || !peer.asked("notifications/cancelled").is_empty()).await;
    let id = &peer.asked("tools/call")[0]["id"];
    assert_eq!(&peer.asked("notifications/cancelled")[0]["params"]["requestId"], id);
    assert_eq!(call(&session).await, "modern");
    serving.abort();
}

#[tokio::test]
async fn the_future_of_a_request_is_small() {
    let bridge = bridge(&modern());
    let request = |method: &'static str| Envelope::new(Request::new(1, method));
    let sizes = [
        size_of_val(&Serve::request(&bridge, request("tools/call"))),
        size_of_val(&Serve::request(bridge.group(), request("tools/call"))),
    ];
    assert!(sizes.iter().all(|size| *size <= 4096), "{sizes:?} bytes");
}

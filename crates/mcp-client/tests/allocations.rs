//! What a good token costs a call in allocations.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::future::IntoFuture as _;

use mcp_client::{Client, OAuth, Session};
use mcp_testkit::oauth::Guarded;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

const CALLS: u64 = 50;

/// The allocations of a call on the thread of the client. The server runs on another thread.
fn count(runtime: &Runtime, session: &Session) -> f64 {
    let call = || {
        let called = runtime.block_on(session.call_tool("echo").arg("text", "x").into_future());
        assert_eq!(called.unwrap().text(), "x");
    };
    // Buffers have grown and connections are open afterwards.
    (0..CALLS).for_each(|_| call());
    let counted = allocation_counter::measure(|| (0..CALLS).for_each(|_| call()));
    counted.count_total as f64 / CALLS as f64
}

#[test]
fn a_call_with_a_good_token_costs_at_most_one_allocation() {
    let of_server = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = of_server.block_on(Guarded::start());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let connect = |client: Client| runtime.block_on(client.connect().into_future()).unwrap();
    let auth = OAuth::client_credentials("svc").secret("s");
    let with_token = connect(Client::new(server.url()).unwrap().auth(auth));

    // From here on no token is required, and the answers are the same.
    server.twist("/mcp", |request| {
        let result = match request.rpc().as_str() {
            "server/discover" => json!({
                "resultType": "complete",
                "supportedVersions": ["2026-07-28"],
                "capabilities": { "tools": {} },
            }),
            _ => json!({ "resultType": "complete", "content": [{ "type": "text", "text": "x" }] }),
        };
        let head = vec![("content-type".into(), "application/json".into())];
        Some((200, head, request.result(&result.to_string())))
    });
    let without = connect(Client::new(server.url()).unwrap());
    let (with_token, without) = (count(&runtime, &with_token), count(&runtime, &without));
    assert!(without > 5.0, "{without} allocations: is anything counted?");
    assert!(with_token <= without + 1.0, "{with_token} allocations, {without} without a token");
    let authorized = server.log().into_iter().rev();
    let authorized = authorized.filter(|it| it.header("authorization").is_some()).count();
    assert!(authorized as u64 >= 2 * CALLS, "{authorized} requests had a token");
}

//! Sessions resumed by another transport.

use mcp_testkit::{
    http::{Received, Reply, Server},
    until, within,
};
use mcp_transport::{Connect, Transport};
use mcp_transport_http::{SavedSession, SessionHandle};

use crate::{LEGACY, ask, at, handshake, method_of, next_message, request, text};

const RESULT: &str = r#"{"protocolVersion":"2025-11-25","serverInfo":{"name":"shop"}}"#;

/// A server whose stream has an event for each connection. With a header `x-again` it has lost the session.
async fn answer(request: Received, reply: Reply) -> Reply {
    let head = [("content-type", "text/event-stream"), ("mcp-session-id", "s-1")];
    let again = [("content-type", "application/json"), ("mcp-session-id", "s-2")];
    match (request.rpc().as_str(), request.header("mcp-session-id")) {
        ("initialize", _) if request.header("x-again").is_some() => {
            reply.full(200, &again, request.result(RESULT)).await
        }
        ("initialize", _) => {
            reply.full(200, &head, format!("data: {}\n\n", request.result(RESULT))).await
        }
        ("GET", _) => {
            let number = match request.header("last-event-id") {
                None => 41,
                Some(last) => last.parse::<u32>().unwrap() + 1,
            };
            let mut reply = reply.sse().await;
            reply
                .chunk(format!(
                    "id: {number}\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"e{number}\"}}\n\n"
                ))
                .await;
            reply.until_closed().await
        }
        ("m", Some("s-1")) if request.header("x-again").is_some() => reply.empty(404).await,
        ("m", session) => {
            let result = format!("{:?}", session.unwrap());
            reply.json(200, request.result(&result)).await
        }
        _ => reply.empty(202).await,
    }
}

/// A session saved after one event of the server stream was read.
async fn saved(server: &Server) -> SavedSession {
    let handle = SessionHandle::new();
    assert!(handle.saved().is_none());
    let first = at(&server.url).keep_session(true).session_handle(&handle);
    let mut first = first.connect().await.unwrap();
    handshake(&first.transport).await.unwrap();
    assert_eq!(method_of(&next_message(&mut first.inbound).await), "e41");
    within(first.transport.close()).await.unwrap();
    let saved = handle.saved().unwrap();
    assert_eq!((saved.session_id(), saved.last_event_id()), ("s-1", Some("41")));
    assert!(!format!("{saved:?} {handle:?}").contains("s-1"));
    // It outlives the process.
    let stored = serde_json::to_string(&saved).unwrap();
    serde_json::from_str(&stored).unwrap()
}

#[tokio::test]
async fn another_transport_resumes_a_session() {
    let server = Server::start(answer).await;
    let saved = saved(&server).await;
    let before = server.log().len();
    let handle = SessionHandle::new();
    let second = at(&server.url).resume_session(saved).session_handle(&handle);
    let mut second = second.connect().await.unwrap();
    let response = handshake(&second.transport).await.unwrap();
    assert_eq!(text(&response), RESULT);
    assert_eq!(method_of(&next_message(&mut second.inbound).await), "e42");
    let response = ask(&second.transport, request(1, "m", ""), LEGACY).await.unwrap();
    assert_eq!(text(&response), "\"s-1\"");
    until("the position", || {
        handle.saved().is_some_and(|saved| saved.last_event_id() == Some("42"))
    })
    .await;
    within(second.transport.close()).await.unwrap();
    let log = server.log();
    let seen: Vec<_> = log[before..].iter().map(Received::rpc).collect();
    assert_eq!(seen, ["GET", "m", "DELETE"]);
    assert_eq!(log[before].header("last-event-id"), Some("41"));
    assert_eq!(server.logged("initialize").len(), 1);
}

#[tokio::test]
async fn a_session_lost_before_it_is_resumed_is_reinitialized() {
    let server = Server::start(answer).await;
    let saved = saved(&server).await;
    let handle = SessionHandle::new();
    let second = at(&server.url).resume_session(saved).session_handle(&handle);
    let second = second.header("x-again", "1").server_stream(false).connect().await.unwrap();
    handshake(&second.transport).await.unwrap();
    let response = ask(&second.transport, request(1, "m", ""), LEGACY).await.unwrap();
    assert_eq!(text(&response), "\"s-2\"");
    let saved = handle.saved().unwrap();
    assert_eq!((saved.session_id(), saved.last_event_id()), ("s-2", None));
    within(second.transport.close()).await.unwrap();
}

//! Ends of sessions and connections.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mcp_testkit::{
    http::{Received, Reply, Server},
    until, within,
};
use mcp_transport::{Connect, Envelope, ErrorKind, Transport};
use tokio::sync::{Notify, mpsc};

use crate::{LEGACY, MODERN, ask, at, handshake, notification, open, request};

/// Opens sessions `s-1`, `s-2` and so on, and allows them to be deleted. Only the newest is valid.
#[derive(Clone, Default)]
struct Sessions(Arc<AtomicUsize>);

impl Sessions {
    async fn answer(self, request: Received, reply: Reply) -> Reply {
        let newest = || format!("s-{}", self.0.load(Ordering::SeqCst));
        match request.rpc().as_str() {
            "initialize" => {
                self.0.fetch_add(1, Ordering::SeqCst);
                let id = newest();
                let head = [("content-type", "application/json"), ("mcp-session-id", id.as_str())];
                let result = request.result(r#"{"protocolVersion":"2025-11-25"}"#);
                reply.full(200, &head, result).await
            }
            "GET" => reply.empty(405).await,
            "DELETE" => reply.empty(200).await,
            _ if request.header("mcp-session-id") != Some(&newest()) => reply.empty(404).await,
            _ if request.id().is_null() => reply.empty(202).await,
            "stream" => reply.sse().await.until_closed().await,
            _ => reply.json(200, request.result("{}")).await,
        }
    }
}

async fn server() -> Server {
    let sessions = Sessions::default();
    Server::start(move |request, reply| sessions.clone().answer(request, reply)).await
}

/// The ids of deleted sessions.
fn deleted(server: &Server) -> Vec<String> {
    let ids = server.logged("DELETE").into_iter();
    ids.map(|delete| delete.header("mcp-session-id").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_session_that_is_dropped_without_a_close_is_deleted() {
    let server = server().await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    drop(transport);
    let delete = &server.wait_for("DELETE", 1).await[0];
    assert_eq!(delete.header("mcp-session-id"), Some("s-1"));
    assert_eq!(delete.header("mcp-protocol-version"), Some("2025-11-25"));

    // An exchange keeps it open.
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let stream = Envelope::new(request(1, "stream", "")).with_version(LEGACY);
    let exchange = within(transport.request(stream)).await.unwrap();
    drop(transport);
    server.wait_for("stream", 1).await;
    assert_eq!(deleted(&server), ["s-1"]);
    drop(exchange);
    server.wait_for("DELETE", 2).await;
    assert_eq!(deleted(&server), ["s-1", "s-2"]);
}

#[tokio::test]
async fn a_session_is_deleted_when_its_opening_fails_and_when_another_takes_its_place() {
    let server = server().await;
    let transport = open(&server.url).await.transport;
    // The handshake is not completed.
    ask(&transport, request(0, "initialize", ""), None).await.unwrap();
    drop(transport);
    server.wait_for("DELETE", 1).await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    handshake(&transport).await.unwrap();
    server.wait_for("DELETE", 2).await;
    within(transport.close()).await.unwrap();
    drop(transport);
    assert_eq!(deleted(&server), ["s-1", "s-2", "s-3"]);
}

#[tokio::test]
async fn a_server_without_sessions_has_nothing_deleted() {
    let server =
        Server::start(|request, reply| async move { reply.json(200, request.result("{}")).await });
    let server = server.await;
    for version in [MODERN, LEGACY] {
        let transport = open(&server.url).await.transport;
        ask(&transport, request(0, "initialize", ""), version).await.unwrap();
        drop(transport);
    }
    let transport = open(&server.url).await.transport;
    ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    assert!(server.logged("DELETE").is_empty());
}

#[tokio::test]
async fn a_session_that_is_opened_while_the_transport_closes_is_deleted() {
    let (sessions, held) = (Sessions::default(), Arc::new(Notify::new()));
    let release = Arc::clone(&held);
    let server = Server::start(move |request, reply| {
        let (sessions, held) = (sessions.clone(), Arc::clone(&held));
        async move {
            let is_second = request.header("mcp-session-id") == Some("s-2");
            match request.rpc().as_str() {
                "notifications/initialized" if is_second => {
                    held.notified().await;
                    reply.empty(202).await
                }
                "notifications/x" if !is_second => reply.empty(404).await,
                _ => sessions.answer(request, reply).await,
            }
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let sending = transport.send(notification("notifications/x").with_version(LEGACY));
    let closing = async {
        server.wait_for("notifications/initialized", 2).await;
        transport.close().await.unwrap();
        release.notify_one();
    };
    let (sent, ()) = within(async { tokio::join!(sending, closing) }).await;
    assert_eq!(sent.unwrap_err().kind(), ErrorKind::Closed);
    until("the second session is deleted", || deleted(&server) == ["s-2"]).await;
    let gets = server.logged("GET");
    assert!(gets.iter().all(|get| get.header("mcp-session-id") == Some("s-1")), "{gets:?}");
}

#[tokio::test]
async fn close_ends_the_streams_whose_response_was_read() {
    let (closed, mut closings) = mpsc::unbounded_channel();
    let server = Server::start(move |request, reply| {
        let closed = closed.clone();
        async move {
            let mut reply = reply.sse().await;
            reply.event(request.result("1")).await;
            let reply = reply.until_closed().await;
            closed.send(()).unwrap();
            reply
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    within(transport.close()).await.unwrap();
    within(closings.recv()).await.unwrap();
    assert!(within(transport.closed()).await.is_closed());
}

#[tokio::test]
async fn a_session_may_stay_open_at_the_end_and_needs_no_stream_of_the_server() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "initialize" => {
                let head = [("content-type", "application/json"), ("mcp-session-id", "s-7")];
                reply.full(200, &head, request.result(r#"{"protocolVersion":"2025-11-25"}"#)).await
            }
            "GET" | "DELETE" => reply.empty(405).await,
            _ => reply.empty(202).await,
        }
    })
    .await;
    for closes in [true, false] {
        let kept = at(&server.url).keep_session(true).server_stream(false);
        let transport = kept.connect().await.unwrap().transport;
        assert_eq!(transport.session_id(), None);
        handshake(&transport).await.unwrap();
        assert_eq!(transport.session_id().unwrap(), "s-7");
        if closes {
            within(transport.close()).await.unwrap();
        }
    }
    // The session of a third transport is deleted after any messages of these.
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    within(transport.close()).await.unwrap();
    assert_eq!((server.logged("GET").len(), server.logged("DELETE").len()), (1, 1));
}

//! Sessions of the legacy era with well-behaved servers.

use std::time::Duration;

use mcp_core::{Message, ProtocolVersion, RawJson, RequestId, Response};
use mcp_testkit::{
    http::{Received, Reply, Server},
    within,
};
use mcp_transport::{Connect, Envelope, ErrorKind, OneWay, Transport};
use tokio::sync::mpsc;

use crate::{
    LEGACY, ask, at, handshake, method_of, next_gap, next_message, notification, open, request,
    text,
};

/// A well-behaved server with sessions and without a GET stream.
async fn plain(request: Received, reply: Reply) -> Reply {
    let id = [("content-type", "application/json"), ("mcp-session-id", "s-1")];
    match request.rpc().as_str() {
        "initialize" => reply.full(200, &id, request.result("{}")).await,
        "GET" => reply.empty(405).await,
        "DELETE" => reply.empty(200).await,
        method if method.starts_with("notifications/") => reply.empty(202).await,
        "response" => reply.empty(202).await,
        // Only `initialize` returns a session id.
        _ => {
            let other = [("content-type", "application/json"), ("mcp-session-id", "other")];
            reply.full(200, &other, request.result("{}")).await
        }
    }
}

#[tokio::test]
async fn every_message_after_initialize_has_the_session_id() {
    let server = Server::start(plain).await;
    let transport = at(&server.url).bearer_token("t").connect().await.unwrap().transport;
    handshake(&transport).await.unwrap();
    ask(&transport, request(1, "tools/list", ""), LEGACY).await.unwrap();
    ask(&transport, request(2, "tools/list", ""), LEGACY).await.unwrap();
    let response = Response::result(RequestId::from("x"), RawJson::trusted("{}"));
    let response: Envelope<OneWay> = Envelope::new(response.into()).with_version(LEGACY);
    within(transport.send(response)).await.unwrap();
    within(transport.close()).await.unwrap();
    within(transport.close()).await.unwrap();

    let log = server.log();
    let seen: Vec<_> = log.iter().map(Received::rpc).collect();
    let all = [
        "initialize",
        "notifications/initialized",
        "GET",
        "tools/list",
        "tools/list",
        "response",
        "DELETE",
    ];
    assert_eq!(seen, all);
    assert_eq!(log[0].header("mcp-session-id"), None);
    assert_eq!(log[0].header("mcp-protocol-version"), None);
    for later in &log[1..] {
        assert_eq!(later.header("mcp-session-id"), Some("s-1"), "{later:?}");
        assert_eq!(later.header("mcp-protocol-version"), Some("2025-11-25"), "{later:?}");
        assert_eq!(later.header("mcp-method"), None);
    }
    for all in &log {
        assert_eq!(all.header("authorization"), Some("Bearer t"), "{all:?}");
    }
    assert_eq!(log[2].header("accept"), Some("text/event-stream"));
    assert_eq!(log[2].header("content-type"), None);
}

#[tokio::test]
async fn revisions_before_the_version_header_do_not_send_it() {
    let server = Server::start(plain).await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    ask(&transport, request(1, "m", ""), ProtocolVersion::V2025_03_26).await.unwrap();
    ask(&transport, request(2, "m", ""), ProtocolVersion::V2025_06_18).await.unwrap();
    let log = server.logged("m");
    assert_eq!(log[0].header("mcp-protocol-version"), None);
    assert_eq!(log[1].header("mcp-protocol-version"), Some("2025-06-18"));
}

#[tokio::test]
async fn servers_without_sessions_are_supported() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "GET" => reply.full(404, &[("content-type", "text/html")], "<html>").await,
            "notifications/initialized" => reply.json(200, "{}").await,
            _ => {
                let mut reply = reply.sse().await;
                reply.event(request.result("1")).await;
                reply.end().await
            }
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    ask(&transport, request(1, "m", ""), LEGACY).await.unwrap();
    within(transport.close()).await.unwrap();
    assert!(server.logged("DELETE").is_empty());
    assert!(server.log().iter().all(|request| request.header("mcp-session-id").is_none()));
}

#[tokio::test]
async fn a_session_id_with_invalid_characters_is_refused() {
    let server = Server::start(|request, reply| async move {
        let id = [("content-type", "application/json"), ("mcp-session-id", "a b")];
        reply.full(200, &id, request.result("{}")).await
    })
    .await;
    let error = handshake(&open(&server.url).await.transport).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(!format!("{error} {error:?}").contains("a b"));
}

#[tokio::test]
async fn the_stream_of_the_server_feeds_inbound_before_the_handshake_returns() {
    let server = Server::start(|request, reply| async move {
        if request.rpc() != "GET" {
            return plain(request, reply).await;
        }
        let mut reply = reply.sse().await;
        reply.chunk("id: 1\ndata: \n\n: hello\n\n").await;
        reply.event(r#"{"jsonrpc":"2.0","method":"notifications/x"}"#).await;
        reply.event("junk").await;
        reply.event(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#).await;
        reply.event(r#"{"jsonrpc":"2.0","id":77,"result":{}}"#).await;
        reply.event(r#"[{"jsonrpc":"2.0","method":"batched"}]"#).await;
        reply.until_closed().await
    })
    .await;
    let connection = open(&server.url).await;
    let (transport, mut inbound) = (connection.transport, connection.inbound);
    handshake(&transport).await.unwrap();
    assert_eq!(server.logged("GET").len(), 1);
    assert_eq!(method_of(&next_message(&mut inbound).await), "notifications/x");
    assert_eq!(method_of(&next_message(&mut inbound).await), "roots/list");
    within(transport.close()).await.unwrap();
    assert!(within(inbound.next()).await.is_none());
    assert_eq!(server.logged("DELETE").len(), 1);
}

#[tokio::test]
async fn requests_of_a_server_are_refused_without_a_reader() {
    let server = Server::start(|request, reply| async move {
        if request.rpc() != "GET" {
            return plain(request, reply).await;
        }
        let mut reply = reply.sse().await;
        reply.event(r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#).await;
        reply.until_closed().await
    })
    .await;
    let connection = open(&server.url).await;
    drop(connection.inbound);
    handshake(&connection.transport).await.unwrap();
    let refused = server.wait_for("response", 1).await;
    assert_eq!(refused[0].json()["id"], "q");
    assert_eq!(refused[0].json()["error"]["code"], -32601);
    assert_eq!(refused[0].header("mcp-session-id"), Some("s-1"));
}

#[tokio::test]
async fn a_get_stream_that_never_responds_causes_a_short_delay() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "GET" => reply.until_closed().await,
            _ => plain(request, reply).await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    let start = std::time::Instant::now();
    handshake(&transport).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(3));
    ask(&transport, request(1, "m", ""), LEGACY).await.unwrap();
}

#[tokio::test]
async fn requests_of_the_server_arrive_in_their_exchange() {
    let server = Server::start(|request, reply| async move {
        if request.rpc() != "tools/call" {
            return plain(request, reply).await;
        }
        let mut reply = reply.sse().await;
        reply.event(r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create"}"#).await;
        reply.event(request.result("1")).await;
        reply.end().await
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let call = Envelope::new(request(1, "tools/call", "")).with_version(LEGACY);
    let mut exchange = within(transport.request(call)).await.unwrap();
    let Message::Request(asked) = within(exchange.next()).await.unwrap().unwrap() else { panic!() };
    assert_eq!(asked.method, "elicitation/create");
    assert_eq!(text(&within(exchange.response()).await.unwrap()), "1");
}

#[tokio::test]
async fn batches_are_accepted_only_in_their_revision() {
    let server = Server::start(|request, reply| async move {
        let note = r#"{"jsonrpc":"2.0","method":"n"}"#;
        let batch = format!("[{note},{}]", request.result("1"));
        match request.rpc().as_str() {
            "json" => reply.json(200, batch).await,
            "sse" => {
                let mut reply = reply.sse().await;
                reply.event(batch).await;
                reply.end().await
            }
            _ => reply.json(200, format!("[{note}]")).await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    for method in ["json", "sse"] {
        let old = Envelope::new(request(1, method, "")).with_version(ProtocolVersion::V2025_03_26);
        let mut exchange = within(transport.request(old)).await.unwrap();
        assert_eq!(method_of(&within(exchange.next()).await.unwrap().unwrap()), "n");
        assert_eq!(text(&within(exchange.response()).await.unwrap()), "1");
        let error = ask(&transport, request(1, method, ""), LEGACY).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
    let error =
        ask(&transport, request(1, "x", ""), ProtocolVersion::V2025_03_26).await.unwrap_err();
    assert!(error.to_string().contains("no response"), "{error}");
}

#[tokio::test]
async fn dropping_sends_cancelled_except_for_initialize() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "stream" => reply.sse().await.until_closed().await,
            "silent" => reply.until_closed().await,
            "initialize" if request.id() == 9 => reply.until_closed().await,
            _ => plain(request, reply).await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let stream = Envelope::new(request(1, "stream", "")).with_version(LEGACY);
    drop(within(transport.request(stream)).await.unwrap());
    server.wait_for("notifications/cancelled", 1).await;
    let silent = mcp_core::Request::new("two", "silent");
    tokio::select! {
        _ = transport.request(Envelope::new(silent).with_version(LEGACY)) => panic!("it answered"),
        _ = server.wait_for("silent", 1) => {}
    }
    let cancels = server.wait_for("notifications/cancelled", 2).await;
    assert_eq!(cancels[0].json()["params"]["requestId"], 1);
    assert_eq!(cancels[1].json()["params"]["requestId"], "two");
    for cancel in &cancels {
        assert_eq!(cancel.header("mcp-session-id"), Some("s-1"));
        assert_eq!(cancel.header("mcp-protocol-version"), Some("2025-11-25"));
    }
    tokio::select! {
        _ = transport.request(Envelope::new(request(9, "initialize", ""))) => panic!("it answered"),
        _ = server.wait_for("initialize", 2) => {}
    }
    // A completed or closed exchange is not cancelled.
    ask(&transport, request(3, "m", ""), LEGACY).await.unwrap();
    let stream = Envelope::new(request(4, "stream", "")).with_version(LEGACY);
    let exchange = within(transport.request(stream)).await.unwrap();
    within(transport.close()).await.unwrap();
    drop(exchange);
    drop(transport);
    handshake(&open(&server.url).await.transport).await.unwrap();
    assert_eq!(server.logged("notifications/cancelled").len(), 2);
}

#[test]
fn dropping_outside_a_runtime_or_after_it_never_panics() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (server, transport, first, second) = runtime.block_on(async {
        let server = Server::start(|request, reply| async move {
            match request.rpc().as_str() {
                "stream" => reply.sse().await.until_closed().await,
                _ => plain(request, reply).await,
            }
        })
        .await;
        let transport = open(&server.url).await.transport;
        handshake(&transport).await.unwrap();
        let stream = |id| Envelope::new(request(id, "stream", "")).with_version(LEGACY);
        let first = transport.request(stream(1)).await.unwrap();
        let second = transport.request(stream(2)).await.unwrap();
        (server, transport, first, second)
    });
    drop(first);
    runtime.block_on(server.wait_for("notifications/cancelled", 1));
    drop(server);
    drop(runtime);
    drop(second);
    drop(transport);
}

#[tokio::test]
async fn the_listener_ends_with_the_transport() {
    let (closed, mut closings) = mpsc::unbounded_channel();
    let server = Server::start(move |request, reply| {
        let closed = closed.clone();
        async move {
            if request.rpc() != "GET" {
                return plain(request, reply).await;
            }
            let reply = reply.sse().await.until_closed().await;
            closed.send(()).unwrap();
            reply
        }
    })
    .await;
    let connection = open(&server.url).await;
    let (transport, mut inbound) = (connection.transport, connection.inbound);
    handshake(&transport).await.unwrap();
    drop(transport);
    within(closings.recv()).await.unwrap();
    assert!(within(inbound.next()).await.is_none());
}

#[tokio::test]
async fn close_is_bounded_and_succeeds_for_any_response() {
    for status in [Some(405), Some(404), Some(500), None] {
        let server = Server::start(move |request, reply| async move {
            match (request.rpc().as_str(), status) {
                ("DELETE", Some(status)) => reply.empty(status).await,
                ("DELETE", None) => reply.until_closed().await,
                _ => plain(request, reply).await,
            }
        })
        .await;
        let transport = open(&server.url).await.transport;
        handshake(&transport).await.unwrap();
        let started = std::time::Instant::now();
        within(transport.close()).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(10), "{status:?}");
        drop(transport);
        assert_eq!(server.logged("DELETE").len(), 1);
    }
}

#[tokio::test]
async fn a_refused_notification_is_an_error() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "notifications/bad" => reply.full(400, &[("content-type", "text/plain")], "no").await,
            _ => plain(request, reply).await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    let bad = notification("notifications/bad").with_version(LEGACY);
    let error = within(transport.send(bad)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[test]
fn the_stream_of_the_server_is_opened_again_in_the_next_runtime() {
    let build = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serving = tokio::runtime::Runtime::new().unwrap();
    let server = serving.block_on(Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "initialize" => reply.json(200, request.result("{}")).await,
            "GET" => {
                let mut reply = reply.sse().await;
                reply.event(r#"{"jsonrpc":"2.0","method":"hello"}"#).await;
                reply.until_closed().await
            }
            method if method.starts_with("notifications/") => reply.empty(202).await,
            _ => reply.json(200, request.result("1")).await,
        }
    }));
    let first = build();
    let (transport, mut inbound) = first.block_on(async {
        let connection = open(&server.url).await;
        handshake(&connection.transport).await.unwrap();
        (connection.transport, connection.inbound)
    });
    first.block_on(async { assert_eq!(method_of(&next_message(&mut inbound).await), "hello") });
    drop(first);
    build().block_on(async {
        ask(&transport, request(1, "m", ""), LEGACY).await.unwrap();
        next_gap(&mut inbound).await;
        assert_eq!(method_of(&next_message(&mut inbound).await), "hello");
        assert_eq!(server.logged("GET").len(), 2);
        // Background messages are sent here too.
        let slow = Envelope::new(request(2, "GET", "")).with_version(LEGACY);
        drop(within(transport.request(slow)).await.unwrap());
        server.wait_for("notifications/cancelled", 1).await;
    });
}

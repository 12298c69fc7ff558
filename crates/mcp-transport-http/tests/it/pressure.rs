//! Silent, flooding and endless servers.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use mcp_core::{Message, RawJson};
use mcp_http::Body;
use mcp_testkit::{
    http::{Received, Reply, Server},
    within,
};
use mcp_transport::{Connect, Connection, Envelope, ErrorKind, IdleLimit, OneWay, Transport};
use mcp_transport_http::StreamableHttp;
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::{LEGACY, MODERN, ask, handshake, open, request};

/// A server with sessions that responds at once.
async fn plain(request: Received, reply: Reply) -> Reply {
    let id = [("content-type", "application/json"), ("mcp-session-id", "s-1")];
    match request.rpc().as_str() {
        "initialize" => reply.full(200, &id, request.result("{}")).await,
        "GET" => reply.empty(405).await,
        _ if request.id().is_null() => reply.empty(202).await,
        _ => reply.json(200, request.result("{}")).await,
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_may_exceed_the_idle_timeout_if_the_caller_limits_the_time() {
    const FORM: Duration = Duration::from_secs(1000);
    let server = Server::start(|request, reply| async move {
        if request.rpc() != "tools/call" {
            return plain(request, reply).await;
        }
        let mut reply = reply.sse().await;
        reply.event(r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create"}"#).await;
        tokio::time::sleep(FORM).await;
        reply.event(request.result("1")).await;
        reply.end().await
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    for (limit, expected) in [
        (IdleLimit::Caller, None),
        (IdleLimit::Transport, Some(300)),
        (IdleLimit::After(Duration::from_secs(7)), Some(7)),
    ] {
        let call = Envelope::new(request(1, "tools/call", "")).with_version(LEGACY);
        let mut exchange = transport.request(call.with_idle_limit(limit)).await.unwrap();
        let asked = exchange.next().await.unwrap().unwrap();
        assert!(matches!(asked, Message::Request(_)), "{asked:?}");
        let started = Instant::now();
        let answered = exchange.response().await;
        match expected {
            None => assert!(answered.is_ok() && started.elapsed() >= FORM, "{answered:?}"),
            Some(seconds) => {
                assert_eq!(answered.unwrap_err().kind(), ErrorKind::Timeout);
                assert_eq!(started.elapsed().as_secs(), seconds);
            }
        }
    }
}

/// A server that floods requests on its stream when signalled, and then responds to request 5. It never accepts a
/// response.
async fn flooding() -> (Server, watch::Sender<bool>) {
    let (begin, begun) = watch::channel(false);
    let server = Server::start(move |request, reply| {
        let mut begun = begun.clone();
        async move {
            match request.rpc().as_str() {
                "GET" => {
                    let mut reply = reply.sse().await;
                    begun.wait_for(|begun| *begun).await.unwrap();
                    for n in 0..1000 {
                        let ping = format!(r#"{{"jsonrpc":"2.0","id":"p-{n}","method":"ping"}}"#);
                        reply.event(ping).await;
                    }
                    reply.event(r#"{"jsonrpc":"2.0","id":5,"result":"flooded"}"#).await;
                    reply.until_closed().await
                }
                "wait" | "response" => reply.until_closed().await,
                _ => plain(request, reply).await,
            }
        }
    })
    .await;
    (server, begin)
}

/// Waits for pending work of the client by making some calls.
async fn some_calls(transport: &impl Transport) {
    for id in 100..120 {
        ask(transport, request(id, "m", ""), LEGACY).await.unwrap();
    }
}

#[tokio::test]
async fn requests_that_are_refused_take_a_handful_of_connections() {
    let (server, begin) = flooding().await;
    // Some are queued when the reader is dropped, and the rest arrives after that.
    let Connection { transport, inbound, .. } = open(&server.url).await;
    handshake(&transport).await.unwrap();
    drop(inbound);
    let waiting = async {
        server.wait_for("wait", 1).await;
        begin.send(true).unwrap();
    };
    let wait = ask(&transport, request(5, "wait", ""), LEGACY);
    let (answer, ()) = within(async { tokio::join!(wait, waiting) }).await;
    answer.unwrap();
    let refused = server.wait_for("response", 4).await;
    assert_eq!(refused[0].json()["error"]["code"], -32601);
    some_calls(&transport).await;
    assert_eq!(server.logged("response").len(), 4);
    assert!(server.most_connections() <= 12, "{}", server.most_connections());
}

#[tokio::test]
async fn responses_to_a_server_take_a_handful_of_connections_and_end_with_the_close() {
    let (server, _begin) = flooding().await;
    let transport = Arc::new(open(&server.url).await.transport);
    handshake(&*transport).await.unwrap();
    let mut sends = JoinSet::new();
    for n in 0..200 {
        let transport = Arc::clone(&transport);
        let response = mcp_core::Response::result(n.into(), RawJson::trusted("{}"));
        let response: Envelope<OneWay> = Envelope::new(response.into()).with_version(LEGACY);
        sends.spawn(async move { transport.send(response).await });
    }
    server.wait_for("response", 8).await;
    some_calls(&*transport).await;
    assert_eq!(server.logged("response").len(), 8);
    assert!(server.most_connections() <= 16, "{}", server.most_connections());
    within(transport.close()).await.unwrap();
    for sent in within(sends.join_all()).await {
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn requests_that_wait_when_the_reader_is_dropped_are_refused() {
    let server = Server::start(|request, reply| async move {
        if request.rpc() != "GET" {
            return plain(request, reply).await;
        }
        let mut reply = reply.sse().await;
        reply.event(r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#).await;
        reply.event(r#"{"jsonrpc":"2.0","method":"last"}"#).await;
        reply.until_closed().await
    })
    .await;
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    handshake(&transport).await.unwrap();
    let first = crate::next_message(&mut inbound).await;
    assert!(matches!(first, Message::Request(_)), "{first:?}");
    drop(inbound);
    // The first was read, and its reader must respond.
    let Connection { transport: other, inbound, .. } = open(&server.url).await;
    handshake(&other).await.unwrap();
    some_calls(&other).await;
    drop(inbound);
    let refused = server.wait_for("response", 1).await;
    assert_eq!(refused[0].json()["id"], "q");
    assert_eq!(refused[0].json()["error"]["code"], -32601);
}

#[tokio::test]
async fn an_endless_response_yields_to_other_tasks() {
    let service = tower::service_fn(|_: Request<Body>| async {
        let frame = || Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"id: 7\n\n")));
        let body = StreamBody::new(futures_util::stream::repeat_with(frame));
        let response = Response::builder().header("content-type", "text/event-stream");
        Ok::<_, Infallible>(response.body(body).unwrap())
    });
    let server = StreamableHttp::new("http://h/").unwrap().with_service(service);
    let transport = server.connect().await.unwrap().transport;
    for version in [MODERN, LEGACY] {
        let endless = Envelope::new(request(1, "m", "")).with_version(version);
        let exchange = transport.request(endless).await.unwrap();
        let limited = tokio::time::timeout(Duration::from_millis(50), exchange.response());
        assert!(limited.await.is_err());
    }
}

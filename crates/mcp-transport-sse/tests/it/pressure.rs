//! Servers that flood, and that never accept a POST.

use std::sync::Arc;

use mcp_core::{RawJson, Response};
use mcp_testkit::{
    http::{Get, Post, Received, Server, SseServer, Stream},
    until, within,
};
use mcp_transport::{Connection, Envelope, ErrorKind, Transport};
use tokio::{sync::broadcast, task::JoinSet};

use crate::{LEGACY, ask, handshake, next_message, open, request};

/// Responds to requests, but accepts no response and no cancellation.
fn hostile(request: &Received, stream: &Stream) -> Post {
    match &*request.rpc() {
        "response" | "notifications/cancelled" => Post::Hang,
        "silent" => Post::accepted(),
        _ => SseServer::answer(request, stream),
    }
}

async fn server() -> SseServer {
    SseServer::start(|_| Get::endpoint("/message"), hostile).await
}

fn flood(stream: &Stream) {
    for n in 0..1000 {
        stream.push(format!(r#"{{"jsonrpc":"2.0","id":"p-{n}","method":"ping"}}"#));
    }
}

/// Waits for pending work of the client by making some calls.
async fn some_calls(transport: &impl Transport) {
    for id in 100..120 {
        ask(transport, id, "ping").await.unwrap();
    }
}

#[tokio::test]
async fn requests_that_are_refused_take_a_handful_of_connections() {
    let server = server().await;
    let Connection { transport, inbound, .. } = open(&server.url).await;
    handshake(&transport).await;
    // Some are queued when the reader is dropped, and the rest arrives after that.
    flood(&server.stream);
    ask(&transport, 1, "ping").await.unwrap();
    drop(inbound);
    flood(&server.stream);
    ask(&transport, 1, "ping").await.unwrap();
    let refused = server.wait_for("response", 4).await;
    assert!(refused[0].json()["error"]["code"].is_number());
    some_calls(&transport).await;
    assert_eq!(server.wait_for("response", 4).await.len(), 4);
    assert!(server.http().most_connections() <= 12, "{}", server.http().most_connections());
}

#[tokio::test]
async fn responses_to_a_server_take_a_handful_of_connections_and_end_with_the_close() {
    let server = server().await;
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    handshake(&transport).await;
    let transport = Arc::new(transport);
    flood(&server.stream);
    let mut sends = JoinSet::new();
    for _ in 0..200 {
        let mcp_core::Message::Request(asked) = next_message(&mut inbound).await else { panic!() };
        let transport = Arc::clone(&transport);
        let response = Response::result(asked.id, RawJson::trusted("{}"));
        let response = Envelope::new(response.into()).with_version(LEGACY);
        sends.spawn(async move { transport.send(response).await });
    }
    server.wait_for("response", 8).await;
    some_calls(&*transport).await;
    assert_eq!(server.wait_for("response", 8).await.len(), 8);
    assert!(server.http().most_connections() <= 16, "{}", server.http().most_connections());
    within(transport.close()).await.unwrap();
    for sent in within(sends.join_all()).await {
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn cancellations_take_a_handful_of_connections() {
    let server = server().await;
    let transport = open(&server.url).await.transport;
    for id in 0..100 {
        drop(within(transport.request(request(id, "silent"))).await.unwrap());
    }
    server.wait_for("notifications/cancelled", 4).await;
    some_calls(&transport).await;
    assert_eq!(server.wait_for("notifications/cancelled", 4).await.len(), 4);
}

#[tokio::test]
async fn requests_that_are_answered_and_never_accepted_hold_few_connections() {
    let (answers, stream) = broadcast::channel(16);
    let stream = Arc::new(stream);
    let server = Server::start(move |request, reply| {
        let (answers, mut stream) = (answers.clone(), stream.resubscribe());
        async move {
            if request.method == "GET" {
                let mut reply = reply.sse().await;
                reply.chunk("event: endpoint\ndata: /message\n\n").await;
                while let Ok(answer) = stream.recv().await {
                    reply.event(answer).await;
                }
                return reply;
            }
            answers.send(request.result("{}")).unwrap();
            reply.until_closed().await
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    for id in 0..100 {
        ask(&transport, id, "m").await.unwrap();
    }
    until("the others are closed", || server.open_connections() <= 20).await;
    assert_eq!(server.connections(), 101);
}

//! Other messages on the stream and in POSTs.

use mcp_core::{Message, ProtocolVersion, RawJson, Response};
use mcp_testkit::{
    http::{Get, Post, SseServer},
    within,
};
use mcp_transport::{Envelope, Transport};

use crate::{LEGACY, ask, next_message, open, request};

#[tokio::test]
async fn progress_goes_to_its_request_and_the_rest_to_inbound() {
    let server = SseServer::start(
        |_| Get::endpoint("/message"),
        |request, stream| {
            stream.write(": ping\n\nevent: other\ndata: {}\n\nid: 7\n\n");
            stream.push(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
            stream.push(
                r#"{"jsonrpc":"2.0","method":"notifications/progress",
                "params":{"progressToken":9,"progress":1}}"#
                    .replace('\n', "\ndata:"),
            );
            stream.write(format!("data: {}\r\n\r\n", request.result("{}")));
            Post::accepted()
        },
    )
    .await;
    let connection = open(&server.url).await;
    let mut call = request(1, "tools/call");
    call.message.params = Some(RawJson::trusted(r#"{"_meta":{"progressToken":9}}"#));
    let mut exchange = within(connection.transport.request(call)).await.unwrap();
    let first = within(exchange.next()).await;
    assert!(matches!(first, Some(Ok(Message::Notification(_)))), "{first:?}");
    assert!(matches!(within(exchange.next()).await, Some(Ok(Message::Response(_)))));
    assert!(within(exchange.next()).await.is_none());
    let mut inbound = connection.inbound;
    let Message::Notification(changed) = next_message(&mut inbound).await else { panic!() };
    assert_eq!(changed.method, "notifications/tools/list_changed");
}

#[tokio::test]
async fn server_requests_are_refused_without_a_reader() {
    let server = SseServer::friendly().await;
    let connection = open(&server.url).await;
    let (transport, mut inbound) = (connection.transport, connection.inbound);
    let ping = |id: u32| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    server.stream.push(ping(7));
    let Message::Request(asked) = next_message(&mut inbound).await else { panic!() };
    let answer = Response::result(asked.id, RawJson::trusted("{}"));
    within(transport.send(Envelope::new(answer.into()).with_version(LEGACY))).await.unwrap();
    let answered = server.wait_for("response", 1).await;
    assert_eq!(answered[0].json()["id"], 7);
    drop(inbound);
    server.stream.push(ping(8));
    let answered = server.wait_for("response", 2).await;
    assert_eq!(answered[1].json()["error"]["code"], -32601);
}

#[tokio::test]
async fn batches_are_accepted_only_in_their_revision() {
    for (version, read) in [(ProtocolVersion::V2025_03_26, true), (LEGACY, false)] {
        let server = SseServer::start(
            |_| Get::endpoint("/message"),
            |request, stream| {
                let answer = request.result("1");
                stream.push(format!(r#"[{{"jsonrpc":"2.0","method":"n"}},{answer}]"#));
                stream.push(request.result("2"));
                Post::accepted()
            },
        )
        .await;
        let connection = open(&server.url).await;
        let asked = request(1, "m").with_version(version);
        let exchange = within(connection.transport.request(asked)).await.unwrap();
        let answer = within(exchange.response()).await.unwrap();
        let expected: &[u8] = if read { b"1" } else { b"2" };
        assert_eq!(answer.outcome.unwrap().as_bytes(), expected);
    }
}

#[tokio::test]
async fn close_ends_the_stream_and_pending_requests() {
    let server = SseServer::start(|_| Get::endpoint("/message"), |_, _| Post::Hang).await;
    let mut connection = open(&server.url).await;
    let transport = &connection.transport;
    let waiting = transport.request(request(1, "m"));
    let closing = async {
        server.wait_for("m", 1).await;
        transport.close().await
    };
    let (waited, closed) = within(async { tokio::join!(waiting, closing) }).await;
    assert!(waited.unwrap_err().is_closed());
    closed.unwrap();
    assert!(within(connection.inbound.next()).await.unwrap().unwrap_err().is_closed());
    assert!(within(connection.inbound.next()).await.is_none());
    assert!(ask(transport, 2, "m").await.unwrap_err().is_closed());
    server.wait_for_close().await;
}

#[tokio::test]
async fn dropping_the_transport_ends_the_stream() {
    let server = SseServer::friendly().await;
    let mut connection = open(&server.url).await;
    drop(connection.transport);
    assert!(within(connection.inbound.next()).await.is_none());
    server.wait_for_close().await;
}

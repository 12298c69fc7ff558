//! A stream that is over, and the one in its place.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mcp_core::{Message, Notification, RawJson, Response};
use mcp_testkit::{
    http::{Get, Post, Received, SseServer, Stream},
    within,
};
use mcp_transport::{
    Connect, Connection, Delivery, Envelope, ErrorKind, Gap, IdleLimit, InboundItem, Transport,
};

use crate::{LEGACY, ask, at, handshake, next_message, open, request};

/// Answers all but what is to wait.
fn but_silent(request: &Received, stream: &Stream) -> Post {
    match &*request.rpc() {
        "silent" => Post::accepted(),
        _ => SseServer::answer(request, stream),
    }
}

async fn server() -> SseServer {
    SseServer::start(|nth| Get::endpoint(&format!("/message?session={nth}")), but_silent).await
}

#[tokio::test]
async fn what_is_in_flight_fails_and_the_next_request_begins_the_session_anew() {
    let server = server().await;
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    let transport = &transport;
    handshake(transport).await;
    for (round, end) in [(1, Stream::end as fn(&Stream)), (2, Stream::cut)] {
        let waiting = within(transport.request(request(1, "silent"))).await.unwrap();
        end(&server.stream);
        let error = within(waiting.response()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::Unknown));
        assert_eq!(transport.reinitializations(), round - 1, "nobody has asked for another one");
        let gap = within(inbound.next()).await.unwrap().unwrap();
        let InboundItem::Gap(Gap::NewSession(Some(cause))) = gap else { panic!("{gap:?}") };
        assert_eq!(cause.kind(), ErrorKind::Interrupted);
        ask(transport, 1, "ping").await.unwrap();
        assert_eq!(transport.reinitializations(), round);
    }
    let session = |nth| {
        ["initialize", "notifications/initialized"].map(|it| format!("{it} /message?session={nth}"))
    };
    let mut expected = Vec::new();
    for nth in 0..3 {
        expected.push("GET /sse".to_owned());
        expected.extend(session(nth));
        expected.extend((nth > 0).then(|| format!("ping /message?session={nth}")));
        expected.extend((nth < 2).then(|| format!("silent /message?session={nth}")));
    }
    assert_eq!(server.seen(), expected);
    // Inbound continues with what the new stream brings.
    server.stream.push(r#"{"jsonrpc":"2.0","method":"n"}"#);
    assert!(matches!(next_message(&mut inbound).await, Message::Notification(_)));
    // The server does not know any more what it asked.
    server.stream.end();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let answer = Response::result(7.into(), RawJson::trusted("{}"));
    let error = within(transport.send(Envelope::new(answer.into()))).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::NotSent));
    // A notification finds a new stream as a request does.
    let notification = Envelope::new(Notification::new("n").into()).with_version(LEGACY);
    within(transport.send(notification)).await.unwrap();
    assert_eq!(server.seen().last().unwrap(), "n /message?session=3");
}

#[tokio::test]
async fn many_who_need_a_new_stream_share_one() {
    let server = server().await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await;
    server.stream.cut();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let asked = within(async {
        tokio::join!(
            ask(&transport, 1, "ping"),
            ask(&transport, 2, "ping"),
            ask(&transport, 3, "ping"),
        )
    });
    let (one, two, three) = asked.await;
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!((transport.reinitializations(), server.wait_for("GET", 2).await.len()), (1, 2));
}

#[tokio::test]
async fn a_server_that_is_down_is_tried_some_times_and_found_again() {
    let server = server().await;
    let address = server.url.trim_start_matches("http://").trim_end_matches("/sse").to_owned();
    let transport = open(&server.url).await.transport;
    handshake(&transport).await;
    server.stop().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (one, two) =
        within(async { tokio::join!(ask(&transport, 1, "ping"), ask(&transport, 2, "ping")) })
            .await;
    for error in [one.unwrap_err(), two.unwrap_err()] {
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connect, Delivery::NotSent));
    }
    let again =
        SseServer::start_at(&address, |_| Get::endpoint("/message"), SseServer::answer).await;
    ask(&transport, 3, "ping").await.unwrap();
    assert_eq!(again.log().len(), 4);
}

#[tokio::test]
async fn failures_on_the_way_to_a_new_stream_are_passed_over_or_told() {
    let gets = |nth| match nth {
        1 => Get::Full(503, "text/plain", "later"),
        2 => Get::Cut,
        4 => Get::Full(404, "text/plain", "gone"),
        _ => Get::endpoint("/message"),
    };
    let server = SseServer::start(gets, but_silent).await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await;
    server.stream.end();
    tokio::time::sleep(Duration::from_millis(50)).await;
    ask(&transport, 1, "ping").await.unwrap();
    assert_eq!(server.wait_for("GET", 4).await.len(), 4);
    server.stream.end();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = ask(&transport, 1, "ping").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Rejected, Delivery::NotSent));
    assert_eq!(server.wait_for("GET", 5).await.len(), 5, "a refusal is not tried again");
    ask(&transport, 1, "ping").await.unwrap();
}

#[tokio::test]
async fn a_session_that_cannot_be_begun_anew_is_expired() {
    for answer in [
        r#""result":{"protocolVersion":"2024-11-05"}"#,
        r#""error":{"code":-32602,"message":"once is enough"}"#,
    ] {
        let again = Arc::new(AtomicBool::new(false));
        let second = Arc::clone(&again);
        let server = SseServer::start(
            |_| Get::endpoint("/message"),
            move |request, stream| {
                if request.rpc() == "initialize" && second.swap(true, Ordering::SeqCst) {
                    stream.push(request.result("0").replace("\"result\":0", answer));
                    return Post::accepted();
                }
                SseServer::answer(request, stream)
            },
        )
        .await;
        let transport = open(&server.url).await.transport;
        handshake(&transport).await;
        server.stream.end();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let error = ask(&transport, 1, "ping").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionExpired, "{error}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        server.wait_for_close().await;
    }
}

#[tokio::test]
async fn a_silent_stream_is_given_up_and_a_commented_one_is_not() {
    let server = server().await;
    let sse = at(&server.url).idle_timeout(Duration::from_millis(200));
    let transport = within(sse.connect()).await.unwrap().transport;
    let waiting = within(transport.request(request(1, "silent"))).await.unwrap();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.stream.write(": ping\n\n");
    }
    server.stream.push(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    within(waiting.response()).await.unwrap();

    // One that may take longer has the others wait for it.
    let patient =
        request(2, "silent").with_idle_limit(IdleLimit::After(Duration::from_millis(800)));
    let begun = std::time::Instant::now();
    let patient = within(transport.request(patient)).await.unwrap();
    let waiting = within(transport.request(request(3, "silent"))).await.unwrap();
    for exchange in [patient, waiting] {
        let error = within(exchange.response()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Unknown));
    }
    assert!(begun.elapsed() >= Duration::from_millis(700));
    server.wait_for_close().await;
    ask(&transport, 4, "ping").await.unwrap();
}

#[tokio::test]
async fn close_does_not_wait_for_a_new_stream() {
    let server = SseServer::start(
        |nth| if nth == 0 { Get::endpoint("/m") } else { Get::Hang },
        SseServer::answer,
    )
    .await;
    let transport = open(&server.url).await.transport;
    server.stream.end();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = std::time::Instant::now();
    let closing = async {
        server.wait_for("GET", 2).await;
        transport.close().await.unwrap();
    };
    let (asked, ()) = within(async { tokio::join!(ask(&transport, 1, "ping"), closing) }).await;
    let error = asked.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

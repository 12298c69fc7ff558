//! Replacement of a stream that has ended.

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
use mcp_transport::{Connection, Delivery, Envelope, Error, ErrorKind, IdleLimit, Transport};
use mcp_transport_sse::SseTransport;
use tokio::time::Instant;

use crate::{LEGACY, ask, handshake, next_message, open, request, stream_is_over};

/// Responds to everything but the method `silent`.
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
async fn requests_in_flight_fail_and_the_next_request_opens_another_session() {
    let server = server().await;
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    let transport = &transport;
    handshake(transport).await;
    for (round, end) in [(1, Stream::end as fn(&Stream)), (2, Stream::cut)] {
        let waiting = within(transport.request(request(1, "silent"))).await.unwrap();
        end(&server.stream);
        let error = within(waiting.response()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::Unknown));
        assert_eq!(transport.reinitializations(), round - 1, "no request needs another one");
        assert_eq!(stream_is_over(&mut inbound).await.kind(), ErrorKind::Interrupted);
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
    // `Inbound` continues with the messages of the new stream.
    server.stream.push(r#"{"jsonrpc":"2.0","method":"n"}"#);
    assert!(matches!(next_message(&mut inbound).await, Message::Notification(_)));
    // The server has lost its pending requests.
    server.stream.end();
    stream_is_over(&mut inbound).await;
    let answer = Response::result(7.into(), RawJson::trusted("{}"));
    let error = within(transport.send(Envelope::new(answer.into()))).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::NotSent));
    // A notification opens a new stream, like a request.
    let notification = Envelope::new(Notification::new("n").into()).with_version(LEGACY);
    within(transport.send(notification)).await.unwrap();
    assert_eq!(server.seen().last().unwrap(), "n /message?session=3");
}

#[tokio::test]
async fn concurrent_callers_share_a_new_stream() {
    let server = server().await;
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    handshake(&transport).await;
    server.stream.cut();
    stream_is_over(&mut inbound).await;
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
async fn an_unavailable_server_is_retried_and_reconnected() {
    let server = server().await;
    let address = server.url.trim_start_matches("http://").trim_end_matches("/sse").to_owned();
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    handshake(&transport).await;
    server.stop().await;
    stream_is_over(&mut inbound).await;
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
async fn transient_failures_to_reconnect_are_retried_and_others_reported() {
    let gets = |nth| match nth {
        1 => Get::Full(503, "text/plain", "later"),
        2 => Get::Cut,
        4 => Get::Full(404, "text/plain", "gone"),
        _ => Get::endpoint("/message"),
    };
    let server = SseServer::start(gets, but_silent).await;
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    handshake(&transport).await;
    server.stream.end();
    stream_is_over(&mut inbound).await;
    ask(&transport, 1, "ping").await.unwrap();
    assert_eq!(server.wait_for("GET", 4).await.len(), 4);
    server.stream.end();
    stream_is_over(&mut inbound).await;
    let error = ask(&transport, 1, "ping").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Rejected, Delivery::NotSent));
    assert_eq!(server.wait_for("GET", 5).await.len(), 5, "a refusal is not tried again");
    ask(&transport, 1, "ping").await.unwrap();
}

#[tokio::test]
async fn a_session_that_cannot_be_reinitialised_is_expired() {
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
        let Connection { transport, mut inbound, .. } = open(&server.url).await;
        handshake(&transport).await;
        server.stream.end();
        stream_is_over(&mut inbound).await;
        let error = ask(&transport, 1, "ping").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionExpired, "{error}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        server.wait_for_close().await;
    }
}

/// Opens a request with this idle limit, and returns the future of its response.
async fn wait_for_answer(
    transport: &SseTransport,
    id: i64,
    limit: IdleLimit,
) -> impl Future<Output = Result<Response, Error>> {
    let envelope = request(id, "silent").with_idle_limit(limit);
    transport.request(envelope).await.unwrap().response()
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_times_out_and_a_commented_one_does_not() {
    const SECOND: Duration = Duration::from_secs(1);
    let server = server().await;
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    let waiting = wait_for_answer(&transport, 1, IdleLimit::Transport).await;
    for _ in 0..4 {
        tokio::time::sleep(200 * SECOND).await;
        server.stream.write(": ping\n\n");
    }
    server.stream.push(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    waiting.await.unwrap();

    // The request with the longest limit keeps the stream open for the others.
    let started = Instant::now();
    let longer = IdleLimit::After(800 * SECOND);
    let longer = wait_for_answer(&transport, 2, longer).await;
    let waiting = wait_for_answer(&transport, 3, IdleLimit::Transport).await;
    for answer in [longer.await, waiting.await] {
        let error = answer.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Unknown));
    }
    assert!((800..=1100).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert_eq!(stream_is_over(&mut inbound).await.kind(), ErrorKind::Timeout);
    ask(&transport, 4, "ping").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_login_may_exceed_the_idle_timeout_if_the_caller_limits_the_time() {
    const FORM: Duration = Duration::from_secs(1000);
    let server = server().await;
    let transport = open(&server.url).await.transport;
    let started = Instant::now();
    let caller = wait_for_answer(&transport, 1, IdleLimit::Caller).await;
    let waiting = wait_for_answer(&transport, 2, IdleLimit::Transport).await;
    server.stream.push(r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create"}"#);
    tokio::time::sleep(FORM).await;
    for id in [1, 2] {
        server.stream.push(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
    }
    caller.await.unwrap();
    waiting.await.unwrap();
    assert!(started.elapsed() >= FORM);
    ask(&transport, 3, "ping").await.unwrap();
    assert_eq!(server.wait_for("GET", 1).await.len(), 1, "it is still the first stream");
}

#[tokio::test]
async fn close_does_not_wait_for_a_new_stream() {
    let server = SseServer::start(
        |nth| if nth == 0 { Get::endpoint("/m") } else { Get::Hang },
        SseServer::answer,
    )
    .await;
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    server.stream.end();
    stream_is_over(&mut inbound).await;
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

#[test]
fn a_session_is_used_from_one_runtime_after_another() {
    // A runtime that has ended, and one that is not driven: nothing reads the stream there.
    let build = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serving = tokio::runtime::Runtime::new().unwrap();
    let server = serving.block_on(SseServer::friendly());
    let first = build();
    let transport = first.block_on(async {
        let transport = open(&server.url).await.transport;
        handshake(&transport).await;
        transport
    });
    first.block_on(ask(&transport, 1, "m")).unwrap();
    drop(first);
    let resting = build();
    for id in 2..4 {
        resting.block_on(ask(&transport, id, "m")).unwrap();
    }
    build().block_on(ask(&transport, 4, "m")).unwrap();
    assert_eq!(transport.reinitializations(), 2);
    // A runtime that is driven by its threads serves all.
    let driven = tokio::runtime::Runtime::new().unwrap();
    driven.block_on(ask(&transport, 5, "m")).unwrap();
    for id in 6..9 {
        build().block_on(ask(&transport, id, "m")).unwrap();
    }
    assert_eq!(transport.reinitializations(), 3);
    drop(resting);
}

#[tokio::test]
async fn a_handshake_without_a_response_to_initialized_is_replayed_as_a_whole() {
    let initialized = AtomicBool::new(false);
    let server = SseServer::start(
        |nth| Get::endpoint(&format!("/message?session={nth}")),
        move |request, stream| match &*request.rpc() {
            "notifications/initialized" if !initialized.swap(true, Ordering::SeqCst) => Post::Hang,
            _ => SseServer::answer(request, stream),
        },
    )
    .await;
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    let transport = Arc::new(transport);
    let sender = Arc::clone(&transport);
    let opening = tokio::spawn(async move { handshake(&*sender).await });
    server.wait_for("notifications/initialized", 1).await;
    server.stream.cut();
    stream_is_over(&mut inbound).await;
    ask(&*transport, 1, "ping").await.unwrap();
    let replayed = "notifications/initialized /message?session=1".to_owned();
    assert!(server.seen().contains(&replayed), "{:?}", server.seen());
    opening.abort();
}

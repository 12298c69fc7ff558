//! Opening of the stream, and its failures.

use std::time::{Duration, Instant};

use mcp_http::StatusError;
use mcp_testkit::hostile::refused;
use mcp_testkit::{
    http::{Get, SseServer},
    within,
};
use mcp_transport::{Connect, Delivery, ErrorKind, Transport};

use crate::{ask, at, handshake, open};

#[tokio::test]
async fn messages_go_where_the_endpoint_event_says() {
    for (data, path) in [
        ("/message?session=7", "/message?session=7"),
        ("message/7", "/message/7"),
        ("?session=7", "/sse?session=7"),
    ] {
        let server = SseServer::start(move |_| Get::endpoint(data), SseServer::answer).await;
        let transport = open(&server.url).await.transport;
        handshake(&transport).await;
        ask(&transport, 1, "ping").await.unwrap();
        let expected = [
            "GET /sse".to_owned(),
            format!("initialize {path}"),
            format!("notifications/initialized {path}"),
            format!("ping {path}"),
        ];
        assert_eq!(server.seen(), expected);
        let log = server.log();
        assert_eq!(log[0].headers["accept"], "text/event-stream");
        assert_eq!(log[1].headers["content-type"], "application/json");
        within(transport.close()).await.unwrap();
        server.wait_for_close().await;
    }
    let server =
        SseServer::start(|_| Get::Stream("data: early\n\n".into()), SseServer::answer).await;
    let absolute = server.url.replace("/sse", "/absolute");
    let sse = at(&server.url);
    let connecting = sse.connect();
    let announcing = async {
        server.wait_for("GET", 1).await;
        server.stream.write(format!("event: endpoint\r\ndata: {absolute}\r\n\r\n"));
    };
    let (connection, ()) = within(async { tokio::join!(connecting, announcing) }).await;
    ask(&connection.unwrap().transport, 1, "ping").await.unwrap();
    assert_eq!(server.seen()[1], "ping /absolute");
}

#[tokio::test]
async fn an_invalid_stream_fails_the_connect_in_bounded_time() {
    use ErrorKind::{Interrupted, Protocol, Rejected, Timeout, Unauthorized, Unavailable};
    type Case = (fn() -> Get, ErrorKind, Option<u16>, &'static str);
    let cases: [Case; 13] = [
        (|| Get::Full(401, "text/plain", "who"), Unauthorized, Some(401), "refused"),
        (|| Get::Full(404, "text/html", "<p>no"), Rejected, Some(404), "refused"),
        (|| Get::Full(405, "text/plain", ""), Rejected, Some(405), "refused"),
        (|| Get::Full(500, "text/plain", ""), Unavailable, Some(500), "refused"),
        (|| Get::Full(200, "text/html", "<p>hi"), Protocol, Some(200), "not a stream of events"),
        (|| Get::Full(200, "text/event-stream", ": hi\n\n"), Interrupted, None, "ended the stream"),
        (|| Get::endpoint("http://evil.invalid/message"), Protocol, None, "another origin"),
        (|| Get::endpoint("//evil.invalid/message"), Protocol, None, "http://evil.invalid"),
        (|| Get::endpoint("http://"), Protocol, None, "not a URL"),
        (|| Get::Stream("event: endpoint\n\n".into()), Protocol, None, "not a URL"),
        (|| Get::Stream(": hi\n\ndata: {}\n\n".into()), Timeout, None, "sent no endpoint event"),
        (|| Get::Hang, Timeout, None, "did not respond within 300ms"),
        (|| Get::Cut, Interrupted, None, "broke off"),
    ];
    for (get, kind, status, says) in cases {
        let server = SseServer::start(move |_| get(), SseServer::answer).await;
        let sse = at(&server.url).endpoint_timeout(Duration::from_millis(300));
        let error = within(sse.connect()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{says}: {error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert!(error.to_string().contains(says), "{says}: {error}");
        let found = error.find::<StatusError>().map(|error| error.status().as_u16());
        assert_eq!(found, status, "{says}");
        assert_eq!(server.log().len(), 1, "{says}: nothing but one GET");
    }
    let error = at(&format!("http://{}/sse", refused().await)).connect().await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connect, Delivery::NotSent));
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_timeout_is_ten_seconds() {
    let server = SseServer::start(|_| Get::Stream(": hi\n\n".into()), SseServer::answer).await;
    let begun = tokio::time::Instant::now();
    let real = Instant::now();
    let error = at(&server.url).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert!(real.elapsed() < Duration::from_secs(5));
}

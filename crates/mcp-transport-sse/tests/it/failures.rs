//! A failure concerns only its own request.

use std::time::Duration;

use mcp_http::StatusError;
use mcp_testkit::{
    http::{Get, Post, Received, SseServer, Stream},
    until, within,
};
use mcp_transport::{Connect, Delivery, ErrorKind, Transport};

use crate::{ask, at, open, request};

fn posted(request: &Received, stream: &Stream) -> Post {
    let status = |status| Post::Status(status, "<title>Paper jam</title>".to_owned());
    let error = |code: i32| {
        let id = &request.json()["id"];
        format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"no"}}}}"#)
    };
    match &*request.rpc() {
        "silent" => Post::accepted(),
        "401" => status(401),
        "404" => status(404),
        "413" => status(413),
        "429" => status(429),
        "500" => status(500),
        "cut" => Post::Cut,
        "error" => Post::Status(400, error(-32602)),
        "early" => {
            stream.push(request.result("1"));
            Post::Late(Duration::from_secs(3600))
        }
        "never accepted" => {
            stream.push(request.result("1"));
            Post::Hang
        }
        "hang" => Post::Hang,
        "junk" => {
            stream.push("junk");
            stream.push(request.result("1"));
            Post::accepted()
        }
        "answer in the body" => Post::Status(200, request.result("1")),
        "answer in the acceptance" => Post::Status(202, request.result("1")),
        "error in the body" => Post::Status(200, error(-32602)),
        "login" => Post::Status(200, "<html><title>Log in</title></html>".to_owned()),
        "ok" => {
            stream.push(request.result("1"));
            Post::Status(200, r#"{"ok":true}"#.to_owned())
        }
        "unreadable" => {
            stream.push(request.result("1").replace("\"result\":1", "\"result\":["));
            Post::accepted()
        }
        _ => SseServer::answer(request, stream),
    }
}

async fn server() -> SseServer {
    SseServer::start(|_| Get::endpoint("/message"), posted).await
}

#[tokio::test]
async fn a_failed_post_fails_only_its_request() {
    let server = server().await;
    let transport = open(&server.url).await.transport;
    let other = within(transport.request(request(100, "silent"))).await.unwrap();
    use Delivery::{Answered, Unknown};
    for (method, kind, delivery, status) in [
        ("401", ErrorKind::Unauthorized, Answered, Some(401)),
        ("404", ErrorKind::Rejected, Answered, Some(404)),
        ("413", ErrorKind::Rejected, Answered, Some(413)),
        ("429", ErrorKind::Unavailable, Answered, Some(429)),
        ("500", ErrorKind::Unavailable, Answered, Some(500)),
        ("cut", ErrorKind::Interrupted, Unknown, None),
        ("unreadable", ErrorKind::Protocol, Answered, None),
    ] {
        let error = ask(&transport, 1, method).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (kind, delivery), "{method}: {error:?}");
        let found = error.find::<StatusError>();
        assert_eq!(found.map(|error| error.status().as_u16()), status, "{method}");
        assert!(found.is_none_or(|error| error.to_string().contains("Paper jam")), "{method}");
        ask(&transport, 1, "fine").await.unwrap();
    }
    let answer = ask(&transport, 1, "error").await.unwrap();
    assert_eq!(answer.outcome.unwrap_err().code, -32602, "a JSON-RPC error is an answer");
    ask(&transport, 1, "junk").await.unwrap();
    server.stream.push(r#"{"jsonrpc":"2.0","id":100,"result":{}}"#);
    within(other.response()).await.unwrap();
    // A request that may have arrived is cancelled, a refused one is not.
    let cancelled = server.wait_for("notifications/cancelled", 1).await;
    assert_eq!(cancelled.len(), 1, "{cancelled:?}");
    assert_eq!(server.seen().iter().filter(|seen| seen.starts_with("GET")).count(), 1);
}

#[tokio::test]
async fn a_response_in_the_post_body_is_delivered_and_a_page_is_an_error() {
    let server = server().await;
    let transport = open(&server.url).await.transport;
    for (id, method) in
        (1..).zip(["answer in the body", "answer in the acceptance", "ok", "junk", "m"])
    {
        let answer = ask(&transport, id, method).await.unwrap();
        assert!(answer.outcome.is_ok(), "{method}");
    }
    let answer = ask(&transport, 10, "error in the body").await.unwrap();
    assert_eq!(answer.outcome.unwrap_err().code, -32602);
    let error = ask(&transport, 11, "login").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Protocol, Delivery::Answered));
    let page = error.find::<StatusError>().unwrap().to_string();
    assert!(page.ends_with("Log in"), "{page}");
    assert!(server.log().iter().all(|request| request.rpc() != "notifications/cancelled"));
}

#[tokio::test]
async fn a_refusal_names_the_endpoint_event_as_the_source_of_the_url() {
    let get = |_| Get::endpoint("/messages?session=1");
    let server = SseServer::start(get, |request, stream| match &*request.path {
        "/app/messages?session=1" => SseServer::answer(request, stream),
        _ => Post::Status(404, String::new()),
    })
    .await;
    let transport = open(&server.url).await.transport;
    let error = ask(&transport, 1, "m").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Rejected, Delivery::Answered));
    let text = error.to_string();
    assert!(text.contains("/messages") && text.contains("endpoint event"), "{text}");
    assert_eq!(error.find::<StatusError>().unwrap().status(), 404);
    for prefix in ["/app", "app/"] {
        let prefixed = at(&server.url).endpoint_prefix(prefix);
        let transport = within(prefixed.connect()).await.unwrap().transport;
        ask(&transport, 1, "m").await.unwrap().outcome.unwrap();
    }
}

#[tokio::test]
async fn a_message_without_its_blank_line_is_read() {
    // While the stream is open, and at its end.
    for ends in [false, true] {
        let server = SseServer::start(
            |_| Get::endpoint("/message"),
            move |request, stream| {
                stream.write(format!("data: {}", request.result("1")));
                if ends {
                    stream.end();
                }
                Post::accepted()
            },
        )
        .await;
        let transport = open(&server.url).await.transport;
        let answer = ask(&transport, 1, "m").await.unwrap();
        assert!(answer.outcome.is_ok());
    }
}

#[tokio::test]
async fn the_end_of_the_stream_quotes_the_last_skipped_event() {
    for data in ["data: {\"half\"", "event: error\ndata: half of it\n\n", "data: half\n\n"] {
        let server = SseServer::start(
            |_| Get::endpoint("/message"),
            move |_, stream| {
                stream.write(data);
                stream.end();
                Post::accepted()
            },
        )
        .await;
        let transport = open(&server.url).await.transport;
        let error = ask(&transport, 1, "m").await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::Unknown));
        assert!(error.to_string().contains("half"), "{error}");
    }
}

#[tokio::test]
async fn skipped_events_are_in_the_diagnostics() {
    let server = SseServer::start(
        |_| Get::endpoint("/message"),
        |_, stream| {
            stream.write("event: error\ndata: out of paper\n\n");
            Post::accepted()
        },
    )
    .await;
    let transport = open(&server.url).await.transport;
    let _waiting = within(transport.request(request(1, "m"))).await.unwrap();
    until("the event", || transport.diagnostics().skipped == 1).await;
    assert_eq!(transport.diagnostics().last_skipped.as_deref(), Some("out of paper"));
}

#[tokio::test]
async fn requests_do_not_wait_for_one_anothers_posts() {
    let server = server().await;
    let transport = open(&server.url).await.transport;
    let others = async {
        server.wait_for("hang", 1).await;
        for id in 2..20 {
            ask(&transport, id, "fine").await.unwrap();
        }
    };
    // Dropped before the server has accepted it, but it may have arrived.
    tokio::select! {
        _ = transport.request(request(1, "hang")) => panic!("the server has not accepted it"),
        () = others => {}
    }
    let cancelled = server.wait_for("notifications/cancelled", 1).await;
    assert_eq!(cancelled[0].json()["params"]["requestId"], 1);
}

#[tokio::test]
async fn a_response_may_arrive_before_the_post_is_accepted() {
    let server = server().await;
    let transport = open(&server.url).await.transport;
    for method in ["early", "never accepted", "early"] {
        ask(&transport, 1, method).await.unwrap();
    }
    // None of them was cancelled, since this one is the only one.
    drop(within(transport.request(request(2, "silent"))).await.unwrap());
    let cancelled = server.wait_for("notifications/cancelled", 1).await;
    assert_eq!(cancelled.len(), 1, "{cancelled:?}");
    assert_eq!(cancelled[0].json()["params"]["requestId"], 2);
}

#[tokio::test]
async fn dropping_cancels_except_for_initialize() {
    let server = SseServer::start(|_| Get::endpoint("/message"), |_, _| Post::accepted()).await;
    let transport = open(&server.url).await.transport;
    let exchange = within(transport.request(request(1, "initialize"))).await.unwrap();
    drop(exchange);
    let exchange = within(transport.request(request(2, "tools/call"))).await.unwrap();
    drop(exchange);
    let cancelled = server.wait_for("notifications/cancelled", 1).await;
    assert_eq!(cancelled.len(), 1);
    assert_eq!(cancelled[0].json()["params"]["requestId"], 2);
}

#[tokio::test]
async fn a_message_over_the_limit_fails_requests_in_flight() {
    let server = server().await;
    let sse = crate::at(&server.url).message_limit(10_000);
    let transport = within(mcp_transport::Connect::connect(&sse)).await.unwrap().transport;
    let waiting = within(transport.request(request(1, "silent"))).await.unwrap();
    server.stream.push("x".repeat(20_000));
    let error = within(waiting.response()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::TooLarge, Delivery::Unknown));
    ask(&transport, 2, "fine").await.unwrap();
}

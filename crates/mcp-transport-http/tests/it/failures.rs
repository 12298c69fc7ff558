//! A failure concerns only its own request.

use std::time::Duration;

use mcp_http::{HttpClient, StatusError};
use mcp_testkit::{
    http::{Received, Reply, Server},
    within,
};
use mcp_transport::{Connect, Delivery, Envelope, ErrorKind, Transport};
use tokio::net::TcpListener;

use crate::{LEGACY, MODERN, ask, at, open, request};

/// Fails as the method name says.
async fn fail(request: Received, reply: Reply) -> Reply {
    let html = [("content-type", "text/html")];
    let events = [("content-type", "text/event-stream")];
    let own = request.result("1");
    match request.rpc().as_str() {
        "401" => {
            let head = [("www-authenticate", "Bearer realm=\"x\""), ("content-type", "text/plain")];
            reply.full(401, &head, "who are you").await
        }
        "403" => reply.full(403, &html, "<html><title>No way</title></html>").await,
        "404" => reply.full(404, &[("content-type", "text/plain")], "nothing here").await,
        "413" => reply.full(413, &html, "<h1>too much</h1>").await.cut(),
        "429" => reply.json(429, r#"{"detail":"slow down"}"#).await,
        "500" => reply.empty(500).await,
        "502" => reply.full(502, &html, "<html><title>502 Bad Gateway</title></html>").await,
        "html" => reply.full(200, &html, "<html><title>Welcome</title></html>").await,
        "empty" => reply.json(200, "").await,
        "accepted" => reply.empty(202).await,
        "no content" => reply.empty(204).await,
        "wrong type" => reply.full(200, &[("content-type", "text/plain")], own).await,
        "wrong id" => reply.json(200, r#"{"jsonrpc":"2.0","id":99,"result":1}"#).await,
        "no id" => reply.json(200, r#"{"jsonrpc":"2.0","result":1}"#).await,
        "neither" => reply.json(200, r#"{"jsonrpc":"2.0","id":1,"result":null,"error":7}"#).await,
        "notification" => reply.json(200, r#"{"jsonrpc":"2.0","method":"n"}"#).await,
        "batch" => reply.json(200, format!("[{own}]")).await,
        "half json" => reply.json(200, &own[..10]).await,
        "sse wrong id" => {
            reply.full(200, &events, "data: {\"jsonrpc\":\"2.0\",\"id\":99,\"result\":1}\n\n").await
        }
        "sse junk" => reply.full(200, &events, "data: junk\n\n").await,
        "sse nothing" => reply.full(200, &events, ": bye\n\n").await,
        "sse half" => reply.full(200, &events, format!("data: {}\n", &own[..10])).await,
        "sse cut" => {
            let mut reply = reply.sse().await;
            reply.event(r#"{"jsonrpc":"2.0","method":"n"}"#).await;
            reply.cut()
        }
        "no head" => reply.cut(),
        "half head" => {
            let mut reply = reply;
            reply.raw("HTTP/1.1 200 OK\r\ncontent-").await;
            reply.cut()
        }
        "no http" => {
            let mut reply = reply;
            reply.raw("220 smtp.example ready\r\n").await;
            reply.cut()
        }
        "half body" => {
            let mut reply = reply;
            reply.raw("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{").await;
            reply.cut()
        }
        _ => reply.json(200, own).await,
    }
}

#[tokio::test]
async fn each_failure_has_its_kind_and_the_next_request_works() {
    use Delivery::{Answered, Unknown};
    use ErrorKind::{Interrupted, Protocol, Rejected, Unauthorized, Unavailable};
    let server = Server::start(fail).await;
    let transport = open(&server.url).await.transport;
    for (method, kind, delivery, status, shown) in [
        ("401", Unauthorized, Answered, Some(401), "who are you"),
        ("403", Unauthorized, Answered, Some(403), "No way"),
        ("404", Rejected, Answered, Some(404), "nothing here"),
        ("413", Rejected, Answered, Some(413), "too much"),
        ("429", Unavailable, Answered, Some(429), "slow down"),
        ("500", Unavailable, Answered, Some(500), "/mcp"),
        ("502", Unavailable, Answered, Some(502), "502 Bad Gateway"),
        ("html", Protocol, Answered, Some(200), "Welcome"),
        ("empty", Protocol, Answered, Some(200), "body is empty"),
        ("accepted", Protocol, Answered, Some(202), "without a response"),
        ("no content", Protocol, Answered, Some(204), "body is empty"),
        ("wrong type", Protocol, Answered, Some(200), "neither JSON nor"),
        ("wrong id", Protocol, Answered, None, "99"),
        ("no id", Protocol, Answered, Some(200), "result without an id"),
        ("neither", Protocol, Answered, Some(200), "not a JSON-RPC message"),
        ("notification", Protocol, Answered, Some(200), "not a response"),
        ("batch", Protocol, Answered, Some(200), "batch"),
        ("half json", Protocol, Answered, Some(200), "{\"jsonrpc\""),
        ("sse junk", Protocol, Answered, None, "junk"),
        ("sse nothing", Interrupted, Unknown, None, "ended before the response"),
        ("sse half", Interrupted, Unknown, None, "ended before the response"),
        ("sse cut", Interrupted, Unknown, None, "broke off"),
        ("no head", Interrupted, Unknown, None, "broke off"),
        ("half head", Interrupted, Unknown, None, "broke off"),
        ("no http", Protocol, Unknown, None, "HTTP"),
        ("half body", Interrupted, Unknown, None, "broke off"),
    ] {
        for version in [MODERN, LEGACY] {
            let error = ask(&transport, request(1, method, ""), version).await.unwrap_err();
            assert_eq!((error.kind(), error.delivery()), (kind, delivery), "{method}: {error:?}");
            let found = error.find::<StatusError>().map(|error| error.status().as_u16());
            assert_eq!(found, status, "{method}");
            let mut chain = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                chain += &format!(": {next}");
                cause = next.source();
            }
            assert!(chain.contains(shown), "{method}: {chain}");
            ask(&transport, request(1, "fine", ""), version).await.unwrap();
        }
    }
    // In the modern era a stream has only the response to its request.
    for (version, kind, delivery) in [(MODERN, Protocol, Answered), (LEGACY, Interrupted, Unknown)]
    {
        let error = ask(&transport, request(1, "sse wrong id", ""), version).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (kind, delivery), "{error}");
    }
    let error = ask(&transport, request(1, "401", ""), MODERN).await.unwrap_err();
    let status = error.find::<StatusError>().unwrap();
    assert_eq!(status.headers()["www-authenticate"], "Bearer realm=\"x\"");
}

#[tokio::test]
async fn a_refused_connection_has_sent_nothing() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", free.local_addr().unwrap());
    drop(free);
    let transport = open(&url).await.transport;
    let error = ask(&transport, request(1, "m", ""), MODERN).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connect, Delivery::NotSent));
    assert!(error.to_string().contains(&url), "{error}");
    // Now a server listens at the same port.
    let listener =
        TcpListener::bind(url.trim_start_matches("http://").trim_end_matches("/mcp")).await;
    drop(listener.unwrap());
    let server = Server::start(fail).await;
    ask(&open(&server.url).await.transport, request(1, "m", ""), MODERN).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn silence_is_bounded() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "silent" => reply.until_closed().await,
            "silent stream" => reply.sse().await.until_closed().await,
            "endless refusal" => {
                let mut reply = reply;
                reply.raw("HTTP/1.1 500 X\r\ncontent-type: text/plain\r\n\r\n").await;
                reply.raw("x".repeat(20_000)).await;
                reply.until_closed().await
            }
            _ => reply.json(200, request.result("1")).await,
        }
    })
    .await;
    let client = HttpClient::builder().read_timeout(Duration::from_secs(20)).build().unwrap();
    let transport = at(&server.url).with_service(client).connect().await.unwrap().transport;
    for method in ["silent", "silent stream"] {
        let error = ask(&transport, request(1, method, ""), MODERN).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Unknown));
    }
    let error = ask(&transport, request(1, "endless refusal", ""), MODERN).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.find::<StatusError>().unwrap().body().len() <= 8 * 1024);
    ask(&transport, request(1, "fine", ""), MODERN).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_subscription_may_be_silent_for_longer_than_others() {
    let server = Server::start(|request, reply| async move {
        let mut reply = reply.sse().await;
        tokio::time::sleep(Duration::from_secs(50)).await;
        reply.event(request.result("1")).await;
        reply.end().await
    })
    .await;
    let client = HttpClient::builder().read_timeout(Duration::from_secs(5)).build().unwrap();
    let transport = at(&server.url).with_service(client).connect().await.unwrap().transport;
    ask(&transport, request(1, "subscriptions/listen", ""), MODERN).await.unwrap();
    let long_lived = Envelope::new(request(1, "x/listen", "")).with_version(MODERN).long_lived();
    transport.request(long_lived).await.unwrap().response().await.unwrap();
    ask(&transport, request(1, "other", ""), MODERN).await.unwrap_err();
}

#[tokio::test]
async fn a_refusal_during_an_upload_affects_no_other_request() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 16 * 1024];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                    if text.contains("yyyy") {
                        let refusal = "HTTP/1.1 413 X\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(refusal.as_bytes()).await.unwrap();
                        return;
                    }
                    let body = r#"{"jsonrpc":"2.0","id":1,"result":1}"#;
                    let answer = format!(
                        "HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    let transport = open(&url).await.transport;
    for _ in 0..3 {
        let params = format!(r#"{{"big":{:?}}}"#, "y".repeat(8 << 20));
        ask(&transport, request(1, "m", &params), MODERN).await.unwrap_err();
        for _ in 0..20 {
            ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
        }
    }
    server.abort();
    let _ = within(server).await;
}

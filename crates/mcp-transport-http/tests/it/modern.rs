//! Requests of the modern era.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::{HeaderMap, HeaderValue};
use mcp_core::{RequestId, Response};
use mcp_testkit::{http::Server, until, within};
use mcp_transport::{Connect, Delivery, Envelope, ErrorKind, Transport};
use tokio::{
    sync::{Barrier, Semaphore, mpsc},
    task::JoinSet,
};

use crate::{MODERN, ask, at, method_of, notification, open, request, text};

#[tokio::test]
async fn a_request_has_the_headers_of_its_message() {
    let server = Server::start(|request, reply| async move {
        let session = [("content-type", "application/json"), ("mcp-session-id", "ignored")];
        reply.full(200, &session, request.result("{}")).await
    })
    .await;
    let transport = at(&server.url).header("x-tenant", "blue").connect().await.unwrap().transport;
    let mut more = HeaderMap::new();
    more.insert("mcp-param-region", HeaderValue::from_static("eu"));
    let call = request(1, "tools/call", r#"{"name":"größe","arguments":{}}"#);
    let call = Envelope::new(call).with_version(MODERN).with_extension(more);
    within(async { transport.request(call).await.unwrap().response().await }).await.unwrap();
    ask(&transport, request(2, "tools/list", ""), MODERN).await.unwrap();

    let log = server.log();
    let call = &log[0];
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/mcp"));
    for (name, value) in [
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "=?base64?Z3LDtsOfZQ==?="),
        ("mcp-param-region", "eu"),
        ("x-tenant", "blue"),
    ] {
        assert_eq!(call.header(name), Some(value), "{name}");
    }
    assert_eq!(
        call.body,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"größe","arguments":{}}}"#
    );
    assert_eq!(log[1].header("mcp-method"), Some("tools/list"));
    for name in ["mcp-name", "mcp-session-id", "mcp-param-region"] {
        assert_eq!(log[1].header(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_stream_yields_its_messages_in_order_and_then_the_response() {
    let server = Server::start(|request, reply| async move {
        let mut reply = reply.sse().await;
        reply.chunk(": hello\n\nretry: 5\n\nid: 1\ndata: \n\nevent: other\ndata: x\n\n").await;
        for n in 0..20 {
            let params = format!(r#"{{"n":{n}}}"#);
            let method = if n == 7 { r#""id":9,"method":"ping""# } else { r#""method":"n""# };
            reply.event(format!(r#"{{"jsonrpc":"2.0",{method},"params":{params}}}"#)).await;
        }
        reply.event(request.result("true")).await;
        reply.end().await
    })
    .await;
    let transport = open(&server.url).await.transport;
    let envelope = Envelope::new(request(1, "m", "")).with_version(MODERN);
    let mut exchange = within(transport.request(envelope)).await.unwrap();
    let mut numbers = Vec::new();
    loop {
        match within(exchange.next()).await.unwrap().unwrap() {
            mcp_core::Message::Notification(notification) => {
                let params: serde_json::Value = notification.params.unwrap().decode().unwrap();
                numbers.push(params["n"].as_u64().unwrap());
            }
            message => {
                assert_eq!(method_of(&message), "response");
                break;
            }
        }
    }
    // Number 7 was a server request, which this era does not have.
    assert_eq!(numbers, (0..20).filter(|n| *n != 7).collect::<Vec<_>>());
    assert!(within(exchange.next()).await.is_none());
}

#[tokio::test]
async fn events_cut_into_single_bytes_are_read() {
    let server = Server::start(|request, reply| async move {
        let mut reply = reply.sse().await;
        let note = r#"{"jsonrpc":"2.0","method":"grün 😀"}"#;
        let text = format!("\u{feff}: hi\r\ndata: {note}\r\n\r\ndata:{}\r\r", request.result("1"));
        for byte in text.as_bytes() {
            reply.raw(b"1\r\n").await;
            reply.raw([*byte]).await;
            reply.raw(b"\r\n").await;
        }
        reply.end().await
    })
    .await;
    let transport = open(&server.url).await.transport;
    let envelope = Envelope::new(request(1, "m", "")).with_version(MODERN);
    let mut exchange = within(transport.request(envelope)).await.unwrap();
    let first = within(exchange.next()).await.unwrap().unwrap();
    assert_eq!(method_of(&first), "grün 😀");
    assert_eq!(text(&within(exchange.response()).await.unwrap()), "1");
}

#[tokio::test]
async fn json_rpc_errors_are_responses_with_any_status() {
    let server = Server::start(|request, reply| async move {
        let status = request.json()["params"]["status"].as_u64().unwrap();
        let id = request.json()["params"]["id"].clone();
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32022,"message":"m","data":[1]}}}}"#
        );
        reply.json(u16::try_from(status).unwrap(), body).await
    })
    .await;
    let transport = open(&server.url).await.transport;
    for (status, id) in
        [(200, "null"), (400, "null"), (400, "5"), (404, "\"server-error\""), (500, "5")]
    {
        let params = format!(r#"{{"status":{status},"id":{id}}}"#);
        let response = ask(&transport, request(5, "m", &params), MODERN).await.unwrap();
        let error = response.outcome.unwrap_err();
        assert_eq!((error.code, error.data.unwrap().as_bytes()), (-32022, &b"[1]"[..]), "{status}");
    }
}

#[tokio::test]
async fn dropping_an_exchange_closes_the_stream_and_sends_nothing() {
    let (closed, mut closings) = mpsc::unbounded_channel();
    let server = Server::start(move |request, reply| {
        let closed = closed.clone();
        async move {
            if request.rpc() == "quick" {
                return reply.json(200, request.result("1")).await;
            }
            let mut reply = reply.sse().await;
            reply.event(r#"{"jsonrpc":"2.0","method":"n"}"#).await;
            let reply = reply.until_closed().await;
            closed.send(()).unwrap();
            reply
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    let slow = Envelope::new(request(1, "slow", "")).with_version(MODERN);
    let mut exchange = within(transport.request(slow.clone())).await.unwrap();
    within(exchange.next()).await.unwrap().unwrap();
    drop(exchange);
    within(closings.recv()).await.unwrap();
    // The id can be used again. An exchange that was never polled is dropped the same way.
    drop(within(transport.request(slow)).await.unwrap());
    within(closings.recv()).await.unwrap();
    ask(&transport, request(2, "quick", ""), MODERN).await.unwrap();
    assert_eq!(server.log().len(), 3);
}

#[tokio::test]
async fn dropping_the_future_of_a_request_closes_its_connection() {
    let (closed, mut closings) = mpsc::unbounded_channel();
    let server = Server::start(move |_, reply| {
        let closed = closed.clone();
        async move {
            let reply = reply.until_closed().await;
            closed.send(()).unwrap();
            reply
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    let slow = Envelope::new(request(1, "slow", "")).with_version(MODERN);
    tokio::select! {
        _ = transport.request(slow) => panic!("it answered"),
        _ = server.wait_for("slow", 1) => {}
    }
    within(closings.recv()).await.unwrap();
    assert_eq!(server.log().len(), 1);
}

#[tokio::test]
async fn requests_never_wait_for_one_another() {
    for stream in [false, true] {
        // None is answered before all have arrived.
        let all = Arc::new(Barrier::new(64));
        let server = Server::start(move |request, reply| {
            let all = all.clone();
            async move {
                all.wait().await;
                if stream {
                    let mut reply = reply.sse().await;
                    reply.event(request.result("1")).await;
                    reply.end().await
                } else {
                    reply.json(200, request.result("1")).await
                }
            }
        })
        .await;
        let transport = Arc::new(open(&server.url).await.transport);
        let mut calls = JoinSet::new();
        for id in 0..64 {
            let transport = transport.clone();
            calls.spawn(async move { ask(&*transport, request(id, "m", ""), MODERN).await });
        }
        for answer in calls.join_all().await {
            answer.unwrap();
        }
    }
}

#[tokio::test]
async fn connections_are_reused() {
    // The end of a stream arrives with its last event, or later.
    for late in [false, true] {
        let (read, ended) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let (reading, ending) = (read.clone(), ended.clone());
        let server = Server::start(move |request, reply| {
            let (read, ended) = (reading.clone(), ending.clone());
            async move {
                if request.rpc() == "json" {
                    return reply.json(200, request.result("1")).await;
                }
                let mut reply = reply.sse().await;
                if !late {
                    let event = format!("data: {}\n\n", request.result("1"));
                    reply.raw(format!("{:x}\r\n{event}\r\n0\r\n\r\n", event.len())).await;
                    return reply;
                }
                reply.event(request.result("1")).await;
                read.acquire().await.unwrap().forget();
                let reply = reply.end().await;
                ended.fetch_add(1, Ordering::SeqCst);
                reply
            }
        })
        .await;
        let transport = open(&server.url).await.transport;
        for id in 0..10 {
            ask(&transport, request(id, "json", ""), MODERN).await.unwrap();
        }
        assert_eq!(server.connections(), 1);
        for id in 0..30 {
            ask(&transport, request(id, "sse", ""), MODERN).await.unwrap();
            if late {
                read.add_permits(1);
                let all = usize::try_from(id).unwrap() + 1;
                until("the stream ends", || ended.load(Ordering::SeqCst) == all).await;
            }
        }
        // If an end is still pending, the next call uses another connection.
        assert!(server.connections() <= 3, "{late}: {}", server.connections());
    }
}

#[tokio::test]
async fn a_stream_that_never_ends_after_its_answer_is_closed() {
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
    within(closings.recv()).await.unwrap();
}

#[tokio::test]
async fn notifications_are_posted_and_responses_are_not() {
    let server = Server::start(|_, reply| async move { reply.empty(202).await }).await;
    let transport = open(&server.url).await.transport;
    within(transport.send(notification("notifications/x").with_version(MODERN))).await.unwrap();
    let [sent] = &server.log()[..] else { panic!() };
    assert_eq!(sent.header("mcp-method"), Some("notifications/x"));
    assert_eq!(sent.header("mcp-protocol-version"), Some("2026-07-28"));

    let response = Response::result(RequestId::from(1), mcp_core::RawJson::trusted("{}"));
    let response = Envelope::new(response.into()).with_version(MODERN);
    let error = within(transport.send(response)).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidRequest, Delivery::NotSent));
    assert_eq!(server.log().len(), 1);
}

#[tokio::test]
async fn close_ends_everything() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "stream" => reply.sse().await.until_closed().await,
            _ => reply.until_closed().await,
        }
    })
    .await;
    let connection = open(&server.url).await;
    let (transport, mut inbound) = (connection.transport, connection.inbound);
    let stream = Envelope::new(request(1, "stream", "")).with_version(MODERN);
    let mut exchange = within(transport.request(stream)).await.unwrap();
    let silent = Envelope::new(request(2, "silent", "")).with_version(MODERN);
    let (waiting, reading, closing) = within(async {
        tokio::join!(transport.request(silent), exchange.next(), async {
            server.wait_for("silent", 1).await;
            transport.close().await
        })
    })
    .await;
    closing.unwrap();
    assert_eq!(waiting.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(reading.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert!(within(inbound.next()).await.is_none());
    let late = ask(&transport, request(3, "late", ""), MODERN).await.unwrap_err();
    assert_eq!((late.kind(), late.delivery()), (ErrorKind::Closed, Delivery::NotSent));
    let late = transport.send(notification("late").with_version(MODERN)).await.unwrap_err();
    assert_eq!((late.kind(), late.delivery()), (ErrorKind::Closed, Delivery::NotSent));
    within(transport.close()).await.unwrap();
    assert!(server.logged("DELETE").is_empty());
}

#[tokio::test]
async fn an_id_in_flight_is_refused_unsent_and_types_differ() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "stream" => reply.sse().await.until_closed().await,
            _ => reply.json(200, request.result("1")).await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    let stream = Envelope::new(request(1, "stream", "")).with_version(MODERN);
    let exchange = within(transport.request(stream)).await.unwrap();
    let error = ask(&transport, request(1, "m", ""), MODERN).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidRequest, Delivery::NotSent));
    let other = mcp_core::Request::new("1", "m");
    assert_eq!(ask(&transport, other, MODERN).await.unwrap().id, Some("1".into()));
    drop(exchange);
    ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    assert_eq!(server.log().len(), 3);
}

#[tokio::test]
async fn redirects_within_the_origin_are_followed_and_others_named() {
    let server = Server::start(|request, reply| async move {
        match (request.path.as_str(), request.rpc().as_str()) {
            ("/mcp", "away") => {
                let there = "http://elsewhere.example/x?token=hidden";
                reply.full(307, &[("location", there)], "").await
            }
            ("/mcp", _) => reply.full(307, &[("location", "/mcp/")], "").await,
            _ => reply.json(200, request.result("1")).await,
        }
    })
    .await;
    let transport = at(&server.url).bearer_token("t").connect().await.unwrap().transport;
    ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    let log = server.log();
    assert_eq!((log[1].path.as_str(), log[1].header("authorization")), ("/mcp/", Some("Bearer t")));
    assert_eq!(log[1].body, log[0].body);

    let error = ask(&transport, request(2, "away", ""), MODERN).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Redirect, Delivery::Answered));
    let cause = error.find::<mcp_http::Error>().unwrap().to_string();
    assert!(cause.contains("elsewhere.example") && !cause.contains("hidden"), "{cause}");
}

#[tokio::test]
async fn large_messages_pass_both_ways_and_the_limit_is_named() {
    let server = Server::start(|request, reply| async move {
        let text = serde_json::to_string(&"x".repeat(3 << 20)).unwrap();
        if request.rpc() == "sse" {
            let mut reply = reply.sse().await;
            reply.event(request.result(&text)).await;
            return reply.end().await;
        }
        reply.json(200, request.result(&text)).await
    })
    .await;
    let params = format!(r#"{{"big":{:?}}}"#, "y".repeat(5 << 20));
    let transport = open(&server.url).await.transport;
    for method in ["json", "sse"] {
        let response = ask(&transport, request(1, method, &params), MODERN).await.unwrap();
        assert_eq!(response.outcome.unwrap().len(), (3 << 20) + 2);
    }
    let transport = at(&server.url).message_limit(1 << 20).connect().await.unwrap().transport;
    for method in ["json", "sse"] {
        let error = ask(&transport, request(1, method, ""), MODERN).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::TooLarge, Delivery::Answered));
        let cause = error.find::<mcp_http::Error>().unwrap().to_string();
        assert!(cause.contains("1048576"), "{cause}");
    }
}

#[tokio::test]
async fn futures_are_small() {
    let transport = open("http://127.0.0.1:9/").await.transport;
    let sending = transport.send(notification("n"));
    assert!(size_of_val(&sending) < 4096, "{}", size_of_val(&sending));
    drop(sending);
    let asking = transport.request(request(1, "m", "").into());
    assert!(size_of_val(&asking) < 6144, "{}", size_of_val(&asking));
}

//! Interrupted streams of the legacy era.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use mcp_testkit::{
    http::{Received, Reply, Server},
    within,
};
use mcp_transport::{Connect, Delivery, Envelope, ErrorKind, Gap, Inbound, Transport};
use mcp_transport_http::StreamableHttp;

use crate::{
    LEGACY, MODERN, ask, handshake, method_of, next_gap, next_message, open, request, text,
};

/// Responds to everything except `slow` and GET.
async fn others(request: Received, reply: Reply) -> Reply {
    let id = [("content-type", "application/json"), ("mcp-session-id", "s")];
    match request.rpc().as_str() {
        "initialize" => reply.full(200, &id, request.result("{}")).await,
        "GET" if request.header("last-event-id").is_none() => reply.empty(405).await,
        method if method.starts_with("notifications/") => reply.empty(202).await,
        _ => reply.json(200, request.result("1")).await,
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_is_resumed_after_the_requested_delay() {
    for graceful in [true, false] {
        let ended = Arc::new(Mutex::new(None));
        let (ending, waited) = (ended.clone(), Arc::new(Mutex::new(Vec::new())));
        let waits = waited.clone();
        let server = Server::start(move |request, reply| {
            let (ended, waits) = (ending.clone(), waits.clone());
            async move {
                let last = request.header("last-event-id").map(str::to_owned);
                let lap = move || {
                    let since: Option<Instant> = ended.lock().unwrap().replace(Instant::now());
                    since.map(|since| waits.lock().unwrap().push(since.elapsed()))
                };
                match (request.rpc().as_str(), last.as_deref()) {
                    ("slow", _) => {
                        let mut reply = reply.sse().await;
                        reply.chunk("id: a/1\nretry: 300\ndata: \n\n").await;
                        reply.event(r#"{"jsonrpc":"2.0","method":"first"}"#).await;
                        lap();
                        if graceful { reply.end().await } else { reply.cut() }
                    }
                    ("GET", Some("a/1")) => {
                        lap();
                        let mut reply = reply.sse().await;
                        reply
                            .chunk("id: a/2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"second\"}\n\n")
                            .await;
                        reply.chunk("retry: 150\n\n").await;
                        lap();
                        if graceful { reply.end().await } else { reply.cut() }
                    }
                    ("GET", Some("a/2")) => {
                        lap();
                        let mut reply = reply.sse().await;
                        reply.event(r#"{"jsonrpc":"2.0","id":5,"result":"late"}"#).await;
                        reply.until_closed().await
                    }
                    _ => others(request, reply).await,
                }
            }
        })
        .await;
        let transport = open(&server.url).await.transport;
        handshake(&transport).await.unwrap();
        let slow = Envelope::new(request(5, "slow", "")).with_version(LEGACY);
        let mut exchange = within(transport.request(slow)).await.unwrap();
        assert_eq!(method_of(&within(exchange.next()).await.unwrap().unwrap()), "first");
        assert_eq!(method_of(&within(exchange.next()).await.unwrap().unwrap()), "second");
        assert_eq!(text(&within(exchange.response()).await.unwrap()), "\"late\"");
        let waited = waited.lock().unwrap().clone();
        // Laps within one handler are short; the others are the delays.
        let long: Vec<_> =
            waited.iter().filter(|wait| **wait >= Duration::from_millis(100)).collect();
        assert!(*long[0] >= Duration::from_millis(300), "{waited:?}");
        assert!(*long[1] >= Duration::from_millis(150), "{waited:?}");
        assert_eq!(server.logged("slow").len(), 1);
        let resumed: Vec<_> = server.logged("GET").split_off(1);
        assert_eq!(resumed.len(), 2);
        for get in resumed {
            assert_eq!(get.header("mcp-session-id"), Some("s"));
            assert_eq!(get.header("mcp-protocol-version"), Some("2025-11-25"));
        }
        assert!(server.logged("notifications/cancelled").is_empty());
    }
}

#[tokio::test]
async fn attempts_to_resume_are_limited_and_the_next_request_works() {
    for status in [Some(503), Some(405), Some(200), None] {
        let server = Server::start(move |request, reply| async move {
            match (request.rpc().as_str(), status) {
                ("slow", _) => {
                    let mut reply = reply.sse().await;
                    reply.chunk("id: 1\ndata: \n\n").await;
                    reply.end().await
                }
                ("GET", _) if request.header("last-event-id").is_none() => reply.empty(405).await,
                ("GET", Some(200)) => reply.sse().await.end().await,
                ("GET", Some(status)) => reply.empty(status).await,
                ("GET", None) => reply.cut(),
                _ => others(request, reply).await,
            }
        })
        .await;
        let transport = open(&server.url).await.transport;
        handshake(&transport).await.unwrap();
        let error = ask(&transport, request(5, "slow", ""), LEGACY).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::Unknown));
        assert!(error.to_string().contains("before the response"), "{error}");
        let attempts = server.logged("GET").len() - 1;
        assert_eq!(attempts, if status == Some(405) { 1 } else { 5 }, "{status:?}");
        // The server may still be working on it.
        server.wait_for("notifications/cancelled", 1).await;
        ask(&transport, request(6, "m", ""), LEGACY).await.unwrap();
    }
}

#[tokio::test]
async fn without_an_id_or_in_the_modern_era_nothing_is_resumed() {
    let server = Server::start(|request, reply| async move {
        if request.rpc() != "slow" {
            return others(request, reply).await;
        }
        let with_id = request.header("mcp-method").is_some();
        let mut reply = reply.sse().await;
        reply.chunk(if with_id { "id: 1\ndata: \n\n" } else { "retry: 1\n\n" }).await;
        reply.end().await
    })
    .await;
    let transport = open(&server.url).await.transport;
    for version in [LEGACY, MODERN] {
        let error = ask(&transport, request(5, "slow", ""), version).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::Unknown));
    }
    assert!(server.logged("GET").is_empty());
}

#[tokio::test]
async fn a_stream_that_repeats_old_events_is_not_resumed_forever() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "GET" if request.header("last-event-id").is_none() => reply.empty(405).await,
            "slow" | "GET" => {
                let mut reply = reply.sse().await;
                let note = r#"{"jsonrpc":"2.0","method":"note"}"#;
                reply.chunk(format!("id: 1\nretry: 0\ndata: {note}\n\n")).await;
                reply.end().await
            }
            _ => others(request, reply).await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let slow = Envelope::new(request(5, "slow", "")).with_version(LEGACY);
    let mut exchange = within(transport.request(slow)).await.unwrap();
    let mut notes = 0;
    let error = loop {
        match within(exchange.next()).await.unwrap() {
            Ok(_) => notes += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::Unknown));
    assert_eq!(notes, 1, "a repetition is no progress");
    assert_eq!(server.logged("GET").len() - 1, 5);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_resumed_without_a_delay() {
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |request, reply| {
        let count = count.clone();
        async move {
            match request.rpc().as_str() {
                "GET" if request.header("last-event-id").is_none() => reply.empty(405).await,
                "slow" | "GET" => {
                    let n = count.fetch_add(1, Ordering::SeqCst);
                    let mut reply = reply.sse().await;
                    reply.chunk(format!("id: {n}\nretry: 0\ndata:\n\n")).await;
                    reply.end().await
                }
                _ => others(request, reply).await,
            }
        }
    })
    .await;
    let transport = StreamableHttp::new(&server.url).unwrap().connect().await.unwrap().transport;
    handshake(&transport).await.unwrap();
    let slow = Envelope::new(request(5, "slow", "")).with_version(LEGACY);
    let exchange = transport.request(slow).await.unwrap();
    let limited = tokio::time::timeout(Duration::from_secs(10), exchange.response());
    assert!(limited.await.is_err());
    let attempts = server.logged("GET").len() - 1;
    assert!((50..=101).contains(&attempts), "{attempts}");
}

#[tokio::test]
async fn a_late_response_on_the_stream_of_another_request_is_ignored() {
    let server = Server::start(|request, reply| async move {
        if request.rpc() != "slow" {
            return others(request, reply).await;
        }
        let mut reply = reply.sse().await;
        reply.event(r#"{"jsonrpc":"2.0","id":99,"result":"late"}"#).await;
        reply.event(request.result("\"own\"")).await;
        reply.end().await
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let answer = ask(&transport, request(5, "slow", ""), LEGACY).await.unwrap();
    assert_eq!(text(&answer), "\"own\"");
}

#[tokio::test]
async fn ids_that_are_echoed_as_text_are_recognised_on_any_stream() {
    let server = Server::start(|request, reply| async move {
        if request.rpc() == "wait" {
            return reply.until_closed().await;
        }
        if request.rpc() != "slow" {
            return others(request, reply).await;
        }
        let mut reply = reply.sse().await;
        reply.event(r#"{"jsonrpc":"2.0","id":"5","result":"other"}"#).await;
        reply.event(r#"{"jsonrpc":"2.0","id":"6","result":"own"}"#).await;
        reply.end().await
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let slow = async {
        server.wait_for("wait", 1).await;
        ask(&transport, request(6, "slow", ""), LEGACY).await
    };
    let (other, own) =
        within(async { tokio::join!(ask(&transport, request(5, "wait", ""), LEGACY), slow) }).await;
    assert_eq!(text(&other.unwrap()), "\"other\"");
    assert_eq!(text(&own.unwrap()), "\"own\"");
}

#[tokio::test]
async fn a_response_may_arrive_on_any_stream() {
    let (send, receive) = tokio::sync::watch::channel(false);
    let send = Arc::new(send);
    let server = Server::start(move |request, reply| {
        let (send, mut receive) = (send.clone(), receive.clone());
        async move {
            match request.rpc().as_str() {
                "GET" => {
                    let mut reply = reply.sse().await;
                    receive.wait_for(|sent| *sent).await.unwrap();
                    reply.event(r#"{"jsonrpc":"2.0","id":5,"result":"there"}"#).await;
                    reply.event(r#"{"jsonrpc":"2.0","id":6,"result":"here"}"#).await;
                    reply.until_closed().await
                }
                "stream" => reply.sse().await.until_closed().await,
                "head" => {
                    send.send(true).unwrap();
                    reply.until_closed().await
                }
                _ => others(request, reply).await,
            }
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let stream = Envelope::new(request(5, "stream", "")).with_version(LEGACY);
    let exchange = within(transport.request(stream)).await.unwrap();
    let (there, here) = within(async {
        tokio::join!(exchange.response(), ask(&transport, request(6, "head", ""), LEGACY))
    })
    .await;
    assert_eq!(text(&there.unwrap()), "\"there\"");
    assert_eq!(text(&here.unwrap()), "\"here\"");
    within(transport.close()).await.unwrap();
    assert!(server.logged("notifications/cancelled").is_empty());
}

#[tokio::test]
async fn the_server_stream_is_resumed_after_its_last_event() {
    let server = Server::start(|request, reply| async move {
        let last = request.header("last-event-id").map(str::to_owned);
        match (request.rpc().as_str(), last.as_deref()) {
            ("GET", None) => {
                let mut reply = reply.sse().await;
                reply
                    .chunk("id: 7\nretry: 30\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"one\"}\n\n")
                    .await;
                reply.cut()
            }
            ("GET", Some("7")) => {
                let mut reply = reply.sse().await;
                reply.event(r#"{"jsonrpc":"2.0","method":"two"}"#).await;
                reply.until_closed().await
            }
            _ => others(request, reply).await,
        }
    })
    .await;
    let mut connection = open(&server.url).await;
    handshake(&connection.transport).await.unwrap();
    for method in ["one", "two"] {
        assert_eq!(method_of(&next_message(&mut connection.inbound).await), method);
    }
}

/// Reads the message before a gap, the gap, and the message after it.
async fn around_a_gap(inbound: &mut Inbound) -> Gap {
    assert_eq!(method_of(&next_message(inbound).await), "one");
    let gap = next_gap(inbound).await;
    assert_eq!(method_of(&next_message(inbound).await), "two");
    gap
}

#[tokio::test]
async fn a_stream_that_is_not_resumed_leaves_a_gap() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |request, reply| {
        let asked = asked.clone();
        async move {
            if request.rpc() != "GET" {
                return others(request, reply).await;
            }
            match asked.fetch_add(1, Ordering::SeqCst) {
                0 => {
                    let mut reply = reply.sse().await;
                    reply.event(r#"{"jsonrpc":"2.0","method":"one"}"#).await;
                    reply.cut()
                }
                // The server has not noticed the disconnect, and allows only one stream.
                1 | 2 => reply.empty(409).await,
                _ => {
                    let mut reply = reply.sse().await;
                    reply.event(r#"{"jsonrpc":"2.0","method":"two"}"#).await;
                    reply.until_closed().await
                }
            }
        }
    })
    .await;
    let mut connection = open(&server.url).await;
    handshake(&connection.transport).await.unwrap();
    let gap = around_a_gap(&mut connection.inbound).await;
    assert!(matches!(&gap, Gap::Interrupted(Some(_))), "{gap:?}");
    assert_eq!(gap.cause().unwrap().kind(), ErrorKind::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_closes_at_once_is_reopened_with_back_off() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let laps = times.clone();
    let server = Server::start(move |request, reply| {
        let laps = laps.clone();
        async move {
            if request.rpc() != "GET" {
                return others(request, reply).await;
            }
            laps.lock().unwrap().push(tokio::time::Instant::now());
            let mut reply = reply.sse().await;
            // Events do not shorten the delay.
            reply.event(r#"{"jsonrpc":"2.0","method":"n"}"#).await;
            reply.end().await
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    server.wait_for("GET", 6).await;
    let times = times.lock().unwrap().clone();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[4] > gaps[0] && gaps[4] >= Duration::from_millis(100), "{gaps:?}");
}

#[tokio::test]
async fn a_refused_stream_that_was_open_before_shows_that_the_session_is_lost() {
    for status in [404, 400] {
        let begun = Arc::new(Mutex::new(0));
        let counter = begun.clone();
        let server = Server::start(move |request, reply| {
            let counter = counter.clone();
            async move {
                match (request.rpc().as_str(), request.header("mcp-session-id")) {
                    ("initialize", _) => {
                        let id = {
                            let mut begun = counter.lock().unwrap();
                            *begun += 1;
                            format!("s-{begun}")
                        };
                        let head =
                            [("content-type", "application/json"), ("mcp-session-id", id.as_str())];
                        let result = request.result(r#"{"protocolVersion":"2025-11-25"}"#);
                        reply.full(200, &head, result).await
                    }
                    ("GET", Some("s-1"))
                        if *counter.lock().unwrap() == 1 && request.connection < 2 =>
                    {
                        let mut reply = reply.sse().await;
                        reply.event(r#"{"jsonrpc":"2.0","method":"one"}"#).await;
                        *counter.lock().unwrap() += 10;
                        reply.cut()
                    }
                    ("GET" | "ping", Some("s-1")) => reply.empty(status).await,
                    ("GET", _) => {
                        let mut reply = reply.sse().await;
                        reply.event(r#"{"jsonrpc":"2.0","method":"two"}"#).await;
                        reply.until_closed().await
                    }
                    _ => reply.empty(202).await,
                }
            }
        })
        .await;
        let mut connection = open(&server.url).await;
        handshake(&connection.transport).await.unwrap();
        let gap = around_a_gap(&mut connection.inbound).await;
        assert!(matches!(gap, Gap::NewSession(_)), "{status}: {gap:?}");
        assert_eq!(connection.transport.reinitializations(), 1, "{status}");
    }
}

/// A server whose stream has this body.
async fn stream_of(body: &'static str, ends: bool) -> Server {
    Server::start(move |request, reply| async move {
        let mut reply = reply.sse().await;
        let body = body.replace("ID", &request.id().to_string());
        reply.chunk(body.replace("ANSWER", &request.result("1"))).await;
        match ends {
            true => reply.end().await,
            false => reply.until_closed().await,
        }
    })
    .await
}

#[tokio::test]
async fn a_message_without_its_blank_line_is_read() {
    for version in [MODERN, LEGACY] {
        for body in ["data: ANSWER", "data: ANSWER\n", ": x\n\ndata:ANSWER\r\n"] {
            for ends in [true, false] {
                let server = stream_of(body, ends).await;
                let transport = open(&server.url).await.transport;
                let answer = ask(&transport, request(1, "m", ""), version).await.unwrap();
                assert_eq!(text(&answer), "1", "{body:?} {ends}");
            }
        }
    }
}

#[tokio::test]
async fn an_event_that_is_not_a_message_is_skipped() {
    for version in [MODERN, LEGACY] {
        for before in ["data: {junk\n\n", "event: error\ndata: oh\n\n", "data: 7\n\ndata: [\n\n"] {
            let body: &'static str = format!("{before}data: ANSWER\n\n").leak();
            let server = stream_of(body, false).await;
            let transport = open(&server.url).await.transport;
            let answer = ask(&transport, request(1, "m", ""), version).await.unwrap();
            assert_eq!(text(&answer), "1", "{body:?}");
            assert!(transport.diagnostics().skipped >= 1);
        }
    }
}

#[tokio::test]
async fn the_end_of_a_stream_quotes_the_last_skipped_event() {
    use ErrorKind::{Interrupted, Protocol};
    for (body, kind) in [
        ("data: {\"half", Interrupted),
        ("event: error\ndata: half of it\n\n", Protocol),
        ("data: half\n\n", Protocol),
        ("data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":half\n\n", Protocol),
    ] {
        let server = stream_of(body, true).await;
        let transport = open(&server.url).await.transport;
        let error = ask(&transport, request(1, "m", ""), MODERN).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{body:?}");
        assert!(error.to_string().contains("half"), "{error}");
    }
}

#[tokio::test]
async fn an_error_event_may_be_the_response() {
    let server = stream_of("event: error\ndata: ANSWER\n\n", false).await;
    let transport = open(&server.url).await.transport;
    let answer = ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    assert_eq!(text(&answer), "1");
}

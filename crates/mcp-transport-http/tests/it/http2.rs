//! HTTP/2 servers that close connections and streams: retryable requests are sent again, and all others report their
//! delivery.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use mcp_http::HttpClient;
use mcp_testkit::{
    http2::{Connection as Http2, Server, code},
    until, within,
};
use mcp_transport::{Connect, Delivery, Envelope, Error, ErrorKind, Transport};
use mcp_transport_http::StreamableHttpTransport;
use tokio::task::JoinSet;

use crate::{MODERN, ask, at, request, text};

/// A transport with a separate HTTP client.
async fn open(server: &Server) -> StreamableHttpTransport {
    open_with(server, Duration::from_secs(20)).await
}

async fn open_with(server: &Server, read_timeout: Duration) -> StreamableHttpTransport {
    let client = HttpClient::builder().extra_root_pem(server.pem.clone());
    let client = client.read_timeout(read_timeout).build().unwrap();
    at(&server.url).with_service(client).connect().await.unwrap().transport
}

/// Makes `count` concurrent calls. Returns the number of responses, and the errors.
async fn calls(transport: &Arc<StreamableHttpTransport>, count: i64) -> (usize, Vec<Error>) {
    let mut all = JoinSet::new();
    for id in 0..count {
        let transport = Arc::clone(transport);
        all.spawn(async move { ask(&*transport, request(id, "m", "{}"), MODERN).await });
    }
    let (answers, errors): (Vec<_>, Vec<_>) =
        all.join_all().await.into_iter().partition(Result::is_ok);
    (answers.len(), errors.into_iter().map(Result::unwrap_err).collect())
}

/// Responds to every request.
async fn answer_all(mut connection: Http2) {
    while let Some(request) = connection.request().await {
        connection.answer(&request, "1").await;
    }
}

/// Checks that nothing is left of a client after it is dropped.
async fn drop_and_check(transport: impl Transport, server: &Server) {
    drop(transport);
    until("the end of the connections", || server.open_connections() == 0).await;
}

#[tokio::test]
async fn calls_beyond_the_last_stream_of_a_closing_connection_are_sent_again() {
    let server = Server::start(|mut connection| async move {
        connection.allow(100).await;
        let mut requests = Vec::new();
        while let Some(request) = connection.request().await {
            if connection.number > 0 {
                connection.answer(&request, "1").await;
                continue;
            }
            requests.push(request);
            if requests.len() == 8 {
                // The first three are answered after the GOAWAY.
                connection.go_away(requests[2].stream, code::NO_ERROR).await;
                for request in &requests[..3] {
                    connection.answer(request, "0").await;
                }
            }
        }
    })
    .await;
    let transport = Arc::new(open(&server).await);
    let (answered, errors) = calls(&transport, 8).await;
    assert_eq!((answered, errors.len()), (8, 0), "{errors:?}");
    assert_eq!(server.requests().len(), 8 + 5);
    assert_eq!(server.connections(), 2);
    drop_and_check(transport, &server).await;
}

#[tokio::test]
async fn a_connection_that_closes_after_each_answer_fails_no_call() {
    let server = Server::start(|mut connection| async move {
        connection.allow(100).await;
        let Some(request) = connection.request().await else { return };
        connection.answer(&request, "1").await;
        connection.go_away(request.stream, code::NO_ERROR).await;
        connection.until_closed().await;
    })
    .await;
    let transport = open(&server).await;
    for id in 0..50 {
        let answer = ask(&transport, request(id, "m", "{}"), MODERN).await.unwrap();
        assert_eq!(text(&answer), "1");
    }
    assert_eq!(server.connections(), 50);
    drop_and_check(transport, &server).await;
}

#[tokio::test]
async fn a_connection_that_serves_so_many_requests_fails_no_call() {
    // As nginx does: requests after the last one are not processed.
    let server = Server::start(|mut connection| async move {
        connection.allow(8).await;
        let mut served = 0;
        while let Some(request) = connection.request().await {
            served += 1;
            if served < 10 {
                connection.answer(&request, "1").await;
            } else if served == 10 {
                connection.go_away(request.stream, code::NO_ERROR).await;
                connection.answer(&request, "1").await;
            }
        }
    })
    .await;
    let transport = Arc::new(open(&server).await);
    for count in [1, 16, 400] {
        let (answered, errors) = calls(&transport, count).await;
        assert!(errors.is_empty(), "{count}: {errors:?}");
        assert_eq!(answered, usize::try_from(count).unwrap());
    }
    drop_and_check(transport, &server).await;
}

#[tokio::test]
async fn each_reset_has_its_meaning_and_the_next_call_works() {
    use Delivery::{NotSent, Unknown};
    for (code, kind, delivery, sent) in [
        (code::NO_ERROR, ErrorKind::Interrupted, Unknown, 1),
        (code::PROTOCOL_ERROR, ErrorKind::Interrupted, Unknown, 1),
        (code::INTERNAL_ERROR, ErrorKind::Interrupted, Unknown, 1),
        (code::CANCEL, ErrorKind::Interrupted, Unknown, 1),
        (code::ENHANCE_YOUR_CALM, ErrorKind::Interrupted, Unknown, 1),
        (code::HTTP_1_1_REQUIRED, ErrorKind::Protocol, Unknown, 1),
        (code::REFUSED_STREAM, ErrorKind::Interrupted, NotSent, 13),
    ] {
        for after_head in [false, true] {
            let server = Server::start(move |mut connection| async move {
                connection.allow(10).await;
                while let Some(request) = connection.request().await {
                    if request.body.contains("fine") {
                        connection.answer(&request, "1").await;
                        continue;
                    }
                    if after_head {
                        connection.head(request.stream, 200).await;
                        connection.data(request.stream, "{", false).await;
                    }
                    connection.reset(request.stream, code).await;
                }
            })
            .await;
            let transport = open(&server).await;
            let error = ask(&transport, request(1, "m", ""), MODERN).await.unwrap_err();
            if after_head {
                // A truncated body is never a clean end.
                assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Unknown));
                assert_eq!(server.requests().len(), 1);
            } else {
                assert_eq!((error.kind(), error.delivery()), (kind, delivery), "{code}: {error:?}");
                assert_eq!(server.requests().len(), sent, "{code}");
            }
            ask(&transport, request(2, "fine", ""), MODERN).await.unwrap();
            assert_eq!(server.connections(), 1);
            drop_and_check(transport, &server).await;
        }
    }
}

#[tokio::test]
async fn a_refused_stream_is_sent_again() {
    let refusals = Arc::new(AtomicUsize::new(3));
    let left = Arc::clone(&refusals);
    let server = Server::start(move |mut connection| {
        let left = Arc::clone(&left);
        async move {
            connection.allow(10).await;
            while let Some(request) = connection.request().await {
                let refused = left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                match refused {
                    Ok(_) => connection.reset(request.stream, code::REFUSED_STREAM).await,
                    Err(_) => connection.answer(&request, "1").await,
                }
            }
        }
    })
    .await;
    let transport = open(&server).await;
    ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn no_more_streams_are_opened_than_the_server_allows() {
    for limit in [1, 10] {
        let most = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&most);
        let server = Server::start(move |mut connection| {
            let seen = Arc::clone(&seen);
            async move {
                connection.allow(limit).await;
                let mut open = Vec::new();
                loop {
                    let next = connection.request();
                    match tokio::time::timeout(Duration::from_millis(20), next).await {
                        Ok(Some(request)) => open.push(request),
                        Ok(None) => return,
                        Err(_) => {
                            for request in std::mem::take(&mut open) {
                                connection.answer(&request, "1").await;
                            }
                        }
                    }
                    seen.fetch_max(open.len(), Ordering::SeqCst);
                    if open.len() > limit as usize {
                        connection.reset(open.pop().unwrap().stream, code::REFUSED_STREAM).await;
                    }
                }
            }
        })
        .await;
        let transport = Arc::new(open(&server).await);
        let (answered, errors) = calls(&transport, 64).await;
        assert_eq!((answered, errors.len()), (64, 0), "{errors:?}");
        assert_eq!(most.load(Ordering::SeqCst), limit as usize);
        assert!(server.connections() <= 16, "{}", server.connections());
        drop_and_check(transport, &server).await;
    }
}

#[tokio::test]
async fn open_streams_do_not_keep_the_next_call_waiting() {
    let server = Server::start(|mut connection| async move {
        connection.allow(2).await;
        while let Some(request) = connection.request().await {
            if request.body.contains("\"open\"") {
                connection.head(request.stream, 200).await;
                continue;
            }
            connection.answer(&request, "1").await;
        }
    })
    .await;
    let transport = Arc::new(open(&server).await);
    let mut open = JoinSet::new();
    for id in 0..20 {
        let transport = Arc::clone(&transport);
        open.spawn(async move { ask(&*transport, request(id, "open", ""), MODERN).await });
    }
    until("the streams", || server.requests().len() == 20).await;
    let started = Instant::now();
    ask(&*transport, request(100, "m", ""), MODERN).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    open.shutdown().await;
    drop_and_check(transport, &server).await;
}

#[tokio::test]
async fn a_call_that_never_gets_a_stream_was_not_sent() {
    let server = Server::start(|mut connection| async move {
        connection.allow(0).await;
        connection.until_closed().await;
    })
    .await;
    let transport = Arc::new(open_with(&server, Duration::from_millis(500)).await);
    // The first may be sent before the server's limit of zero arrives.
    let (answered, errors) = calls(&transport, 5).await;
    assert_eq!((answered, errors.len()), (0, 5));
    let unsent = errors.iter().filter(|error| error.delivery() == Delivery::NotSent).count();
    assert!(unsent >= 3, "{errors:?}");
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Timeout), "{errors:?}");
    assert!(server.connections() <= 2);
    drop_and_check(transport, &server).await;
}

#[tokio::test]
async fn a_limit_that_is_lowered_holds_for_the_next_calls() {
    let server = Server::start(|mut connection| async move {
        connection.allow(10).await;
        let Some(request) = connection.request().await else { return };
        connection.allow(1).await;
        connection.answer(&request, "1").await;
        let mut open = None;
        loop {
            let next = connection.request();
            match tokio::time::timeout(Duration::from_millis(20), next).await {
                Ok(Some(request)) => match open.replace(request) {
                    None => {}
                    Some(request) => connection.reset(request.stream, code::CANCEL).await,
                },
                Ok(None) => return,
                Err(_) => {
                    if let Some(request) = open.take() {
                        connection.answer(&request, "1").await;
                    }
                }
            }
        }
    })
    .await;
    let transport = Arc::new(open(&server).await);
    ask(&*transport, request(1, "m", ""), MODERN).await.unwrap();
    let (answered, errors) = calls(&transport, 20).await;
    assert_eq!((answered, errors.len()), (20, 0), "{errors:?}");
    drop_and_check(transport, &server).await;
}

#[tokio::test]
async fn unread_responses_do_not_stall_others() {
    let server = Server::start(|mut connection| async move {
        connection.allow(100).await;
        while let Some(request) = connection.request().await {
            if !request.body.contains("\"large\"") {
                connection.answer(&request, "1").await;
                continue;
            }
            connection.head(request.stream, 200).await;
            // As much as the window of a stream.
            for _ in 0..32 {
                connection.data(request.stream, &"x".repeat(16 << 10), false).await;
            }
        }
    })
    .await;
    let client = HttpClient::builder().extra_root_pem(server.pem.clone()).build().unwrap();
    let url: http::Uri = server.url.parse().unwrap();
    let mut unread = Vec::new();
    for _ in 0..50 {
        let body = mcp_http::Body::from(r#"{"method":"large"}"#);
        let request = http::Request::post(url.clone()).body(body).unwrap();
        unread.push(within(client.send(request)).await.unwrap());
    }
    let http = at(&server.url).with_service(client);
    let transport = http.connect().await.unwrap().transport;
    ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    assert_eq!(server.connections(), 1);
    drop(unread);
    ask(&transport, request(2, "m", ""), MODERN).await.unwrap();
    drop(http);
    drop_and_check(transport, &server).await;
}

#[tokio::test]
async fn cancelled_streams_whose_frames_still_arrive_end_no_connection() {
    let server = Server::start(|mut connection| async move {
        connection.allow(100).await;
        while let Some(request) = connection.request().await {
            if request.body.contains("\"late\"") {
                connection.head(request.stream, 200).await;
                connection.until_reset(request.stream).await;
                for _ in 0..3 {
                    connection.data(request.stream, "late", false).await;
                }
                continue;
            }
            connection.answer(&request, "1").await;
        }
    })
    .await;
    let client = HttpClient::builder().extra_root_pem(server.pem.clone()).build().unwrap();
    let url: http::Uri = server.url.parse().unwrap();
    for _ in 0..1500 {
        let body = mcp_http::Body::from(r#"{"method":"late"}"#);
        let request = http::Request::post(url.clone()).body(body).unwrap();
        drop(within(client.send(request)).await.unwrap());
    }
    let http = at(&server.url).with_service(client);
    let transport = http.connect().await.unwrap().transport;
    ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_early_answer_ends_the_upload() {
    for resets in [false, true] {
        let (ended, mut endings) = tokio::sync::mpsc::unbounded_channel();
        let server = Server::start(move |mut connection| {
            let ended = ended.clone();
            async move {
                connection.opens_windows = false;
                connection.allow(10).await;
                let request = connection.request_head().await.unwrap();
                connection.head(request.stream, 413).await;
                connection.data(request.stream, "{}", true).await;
                if resets {
                    connection.reset(request.stream, code::NO_ERROR).await;
                } else {
                    assert!(connection.until_reset(request.stream).await);
                }
                ended.send(()).unwrap();
                connection.open_window(0, 1 << 20).await;
                answer_all(connection).await;
            }
        })
        .await;
        let transport = open(&server).await;
        let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(10 << 20));
        let error = ask(&transport, request(1, "m", &large), MODERN).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Rejected, Delivery::Answered));
        within(endings.recv()).await.unwrap();
        ask(&transport, request(2, "m", ""), MODERN).await.unwrap();
        assert_eq!(server.connections(), 1);
        drop_and_check(transport, &server).await;
    }
}

#[tokio::test]
async fn a_window_that_never_opens_is_a_timeout() {
    let server = Server::start(|mut connection| async move {
        connection.opens_windows = false;
        connection.settings(&[(3, 10), (4, 0)]).await;
        connection.until_closed().await;
    })
    .await;
    let transport = open_with(&server, Duration::from_millis(300)).await;
    let error = ask(&transport, request(1, "m", "{}"), MODERN).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Unknown));
    drop_and_check(transport, &server).await;
}

#[tokio::test]
async fn silence_and_an_abrupt_end_are_reported() {
    let server = Server::start(|mut connection| async move {
        connection.allow(10).await;
        while let Some(request) = connection.request().await {
            match request.body.contains("\"cut\"") {
                true => return,
                false if request.body.contains("\"m\"") => connection.answer(&request, "1").await,
                false => {}
            }
        }
    })
    .await;
    let transport = open_with(&server, Duration::from_millis(500)).await;
    for (method, kind) in [("silent", ErrorKind::Timeout), ("cut", ErrorKind::Interrupted)] {
        let error = ask(&transport, request(1, method, ""), MODERN).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (kind, Delivery::Unknown), "{error:?}");
        ask(&transport, request(2, "m", ""), MODERN).await.unwrap();
    }
    drop_and_check(transport, &server).await;
}

#[tokio::test]
async fn a_server_without_http2_is_reported() {
    let server = Server::start(|mut connection| async move {
        connection.allow(10).await;
        let Some(request) = connection.request().await else { return };
        // Data before a head.
        connection.data(request.stream, "x", true).await;
        connection.until_closed().await;
    })
    .await;
    let transport = open(&server).await;
    let error = ask(&transport, request(1, "m", ""), MODERN).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Protocol, Delivery::Unknown));
}

#[tokio::test]
async fn unused_connections_are_closed_in_time() {
    let server = Server::start(|mut connection| async move {
        connection.allow(10).await;
        answer_all(connection).await;
    })
    .await;
    let client = HttpClient::builder().extra_root_pem(server.pem.clone());
    let client = client.pool_idle_timeout(Duration::from_millis(100)).build().unwrap();
    let http = at(&server.url).with_service(client);
    let transport = http.connect().await.unwrap().transport;
    ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    until("the end of the connection", || server.open_connections() == 0).await;
    ask(&transport, request(2, "m", ""), MODERN).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_transport_is_used_from_one_runtime_after_another() {
    // A suspended runtime keeps its connections.
    let build = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serving = tokio::runtime::Runtime::new().unwrap();
    let server = serving.block_on(Server::start(|mut connection| async move {
        connection.allow(10).await;
        answer_all(connection).await;
    }));
    let resting = build();
    let transport = resting.block_on(open(&server));
    let call = |id| ask(&transport, request(id, "m", ""), MODERN);
    resting.block_on(call(1)).unwrap();
    for id in 2..5 {
        build().block_on(call(id)).unwrap();
    }
    resting.block_on(call(5)).unwrap();
    drop(resting);
    build().block_on(call(6)).unwrap();
    assert_eq!(server.connections(), 5);
    drop(transport);
    serving.block_on(until("the end of the connections", || server.open_connections() == 0));
}

#[tokio::test]
async fn calls_that_wait_share_an_attempt_that_fails() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/mcp", listener.local_addr().unwrap());
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&attempts);
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(stream);
        }
    });
    let transport = Arc::new(at(&url).connect().await.unwrap().transport);
    let started = Instant::now();
    let (answered, errors) = calls(&transport, 60).await;
    assert_eq!((answered, errors.len()), (0, 60));
    assert!(errors.iter().all(|error| error.delivery() == Delivery::NotSent));
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Connect), "{errors:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(attempts.load(Ordering::SeqCst) <= 2);
    serving.abort();
}

#[tokio::test]
async fn a_call_that_is_dropped_frees_its_stream() {
    let server = Server::start(|mut connection| async move {
        connection.allow(1).await;
        while let Some(request) = connection.request().await {
            if request.body.contains("\"m\"") {
                connection.answer(&request, "1").await;
            }
        }
    })
    .await;
    let transport = open(&server).await;
    for id in 0..40 {
        let silent = Envelope::new(request(id, "silent", "")).with_version(MODERN);
        let wait = Duration::from_millis(5);
        assert!(tokio::time::timeout(wait, transport.request(silent)).await.is_err());
    }
    ask(&transport, request(100, "m", ""), MODERN).await.unwrap();
    drop_and_check(transport, &server).await;
}

#[tokio::test]
async fn an_idle_connection_is_pinged_before_reuse() {
    for is_alive in [true, false] {
        let server = Server::start(move |mut connection| async move {
            connection.allow(10).await;
            connection.answers_pings = is_alive || connection.number > 0;
            while let Some(request) = connection.request().await {
                if is_alive || connection.number > 0 || connection.resets.is_empty() {
                    connection.answer(&request, "1").await;
                }
            }
        })
        .await;
        let transport = open(&server).await;
        ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(11)).await;
        tokio::time::resume();
        let started = Instant::now();
        ask(&transport, request(2, "m", ""), MODERN).await.unwrap();
        assert_eq!(server.pings(), 1);
        assert_eq!(server.connections(), if is_alive { 1 } else { 2 });
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    }
}

#[test]
fn nothing_is_left_of_a_client_that_is_dropped() {
    // Only the tasks of the client are in this runtime.
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serving = tokio::runtime::Runtime::new().unwrap();
    let server = serving.block_on(Server::start(|mut connection| async move {
        connection.allow(4).await;
        connection.opens_windows = false;
        while let Some(request) = connection.request_head().await {
            // Early responses to uploads, open streams, and silence.
            match request.stream % 3 {
                0 => {
                    connection.head(request.stream, 413).await;
                    connection.data(request.stream, "{}", true).await;
                }
                1 => connection.head(request.stream, 200).await,
                _ => {}
            }
        }
    }));
    client.block_on(async {
        let transport = Arc::new(open(&server).await);
        let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(1 << 20));
        let mut calls = JoinSet::new();
        for id in 0..40 {
            let (transport, large) = (Arc::clone(&transport), large.clone());
            calls.spawn(async move {
                let call = ask(&*transport, request(id, "m", &large), MODERN);
                let _ = tokio::time::timeout(Duration::from_millis(300), call).await;
            });
        }
        calls.join_all().await;
        drop(transport);
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        until("the end of the tasks", || tasks() == 0).await;
        until("the end of the connections", || server.open_connections() == 0).await;
    });
}

#[tokio::test]
async fn many_streams_that_are_dropped_at_a_time_end_no_call() {
    let server = Server::start(|mut connection| async move {
        connection.allow(100).await;
        while let Some(request) = connection.request().await {
            if !request.body.contains("\"events\"") {
                connection.answer(&request, "1").await;
                continue;
            }
            connection.head(request.stream, 200).await;
            for _ in 0..20 {
                connection.data(request.stream, "late", false).await;
            }
        }
    })
    .await;
    let transport = Arc::new(open(&server).await);
    let mut dropped = JoinSet::new();
    for id in 0..60 {
        let transport = Arc::clone(&transport);
        dropped.spawn(async move {
            for _ in 0..50 {
                let call = ask(&*transport, request(id, "events", ""), MODERN);
                let _ = tokio::time::timeout(Duration::from_millis(3), call).await;
            }
        });
    }
    for id in 100..300 {
        ask(&*transport, request(id, "m", ""), MODERN).await.unwrap();
    }
    dropped.join_all().await;
    ask(&*transport, request(1, "m", ""), MODERN).await.unwrap();
    assert_eq!(server.connections(), 1);
    drop_and_check(transport, &server).await;
}

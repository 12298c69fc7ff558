use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{StatusCode, Uri};
use http_body_util::BodyExt;
use mcp_http::{Error, ErrorKind, HttpClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use crate::server::{OK, Server, post, read_request};

const LIMIT: usize = 1024;
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

async fn call(client: &HttpClient, url: &Uri) -> Result<Bytes, Error> {
    let response = client.send(post(url, "{}")).await?;
    response.into_body().read_to_end(LIMIT).await
}

#[tokio::test]
async fn a_connection_is_reused() {
    let server = Server::answering(OK).await;
    let client = HttpClient::new();
    for _ in 0..20 {
        assert_eq!(call(&client, &server.url).await.unwrap(), "{}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn requests_do_not_wait_for_one_another() {
    let server = Server::start(|mut stream| async move {
        while read_request(&mut stream).await.is_some() {
            sleep(Duration::from_millis(100)).await;
            stream.write_all(OK).await.unwrap();
        }
    })
    .await;
    let client = HttpClient::new();
    for _ in 0..2 {
        let calls = (0..64).map(|_| call(&client, &server.url));
        let calls = timeout(Duration::from_secs(1), join_all(calls)).await.expect("at once");
        assert!(calls.iter().all(Result::is_ok));
    }
    assert_eq!(server.connections(), 64);
}

#[tokio::test]
async fn idle_connections_are_limited() {
    let server = Server::answering(OK).await;
    let client = HttpClient::builder().max_idle_per_host(0).build().unwrap();
    for _ in 0..3 {
        call(&client, &server.url).await.unwrap();
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn an_expired_connection_is_not_reused() {
    let server = Server::answering(OK).await;
    let client =
        HttpClient::builder().pool_idle_timeout(Duration::from_millis(20)).build().unwrap();
    call(&client, &server.url).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    call(&client, &server.url).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_limit_beyond_the_clock_closes_no_connection() {
    let server = Server::answering(OK).await;
    let client = HttpClient::builder().pool_idle_timeout(Duration::MAX).build().unwrap();
    for _ in 0..3 {
        call(&client, &server.url).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_unused_connection_is_closed_without_traffic() {
    let (closed, mut closings) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream| {
        let closed = closed.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                stream.write_all(OK).await.unwrap();
            }
            let _ = closed.send(());
        }
    })
    .await;
    let client =
        HttpClient::builder().pool_idle_timeout(Duration::from_millis(20)).build().unwrap();
    for _ in 0..2 {
        let calls = (0..3).map(|_| call(&client, &server.url));
        assert!(join_all(calls).await.iter().all(Result::is_ok));
        for _ in 0..3 {
            timeout(Duration::from_secs(10), closings.recv()).await.expect("closed");
        }
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    let server = Server::closing(OK).await;
    let client = HttpClient::new();
    for _ in 0..20 {
        call(&client, &server.url).await.unwrap();
        sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(server.connections(), 20);
}

#[tokio::test]
async fn a_request_that_was_written_is_not_sent_again() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(OK).await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let client = HttpClient::new();
    call(&client, &server.url).await.unwrap();
    let error = call(&client, &server.url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(!error.is_not_sent());
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_413_during_an_upload_is_returned() {
    for keeps_open in [false, true] {
        let server = Server::start(move |mut stream| async move {
            let mut head = [0; 1024];
            loop {
                let Ok(length @ 1..) = stream.read(&mut head).await else {
                    return;
                };
                let head = String::from_utf8_lossy(&head[..length]);
                if head.contains("content-length: 2\r\n") {
                    stream.write_all(OK).await.unwrap();
                } else {
                    let answer = b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 4\r\n\r\nbig!";
                    stream.write_all(answer).await.unwrap();
                    if keeps_open {
                        sleep(Duration::from_millis(500)).await;
                    }
                    return;
                }
            }
        })
        .await;
        let client = HttpClient::new();
        for upload in [1024 * 1024, 64 * 1024 * 1024, 512] {
            let upload = post(&server.url, vec![b'x'; upload]);
            let response =
                timeout(Duration::from_secs(5), client.send(upload)).await.unwrap().unwrap();
            assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
            assert_eq!(response.into_body().read_to_end(LIMIT).await.unwrap(), "big!");
            for _ in 0..20 {
                assert_eq!(call(&client, &server.url).await.unwrap(), "{}");
            }
        }
    }
}

/// The server closes while bytes are being written, so that the write fails before the response is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_is_returned_although_the_upload_failed() {
    let server = Server::start(|mut stream| async move {
        stream.read_exact(&mut vec![0; 1024 * 1024]).await.unwrap();
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let client = HttpClient::new();
    for _ in 0..30 {
        let upload = post(&server.url, vec![b'x'; 64 * 1024 * 1024]);
        let response = timeout(Duration::from_secs(5), client.send(upload)).await.unwrap();
        assert_eq!(response.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn an_early_success_does_not_mix_up_requests() {
    let server = Server::start(|mut stream| async move {
        let mut head = vec![0; 1024];
        stream.read_exact(&mut head).await.unwrap();
        stream.write_all(OK).await.unwrap();
        while stream.read_buf(&mut head).await.is_ok_and(|n| n > 0) {
            head.clear();
        }
    })
    .await;
    let client = HttpClient::new();
    for _ in 0..3 {
        let upload = post(&server.url, vec![b'x'; 32 * 1024 * 1024]);
        let response = client.send(upload).await.unwrap();
        assert_eq!(response.into_body().read_to_end(LIMIT).await.unwrap(), "{}");
    }
    assert_eq!(server.connections(), 3);
}

/// A server that starts a stream of events, and notifies when the client has disconnected.
async fn streaming(start: &'static [u8]) -> (Server, Arc<Notify>) {
    let gone = Arc::new(Notify::new());
    let notify = gone.clone();
    let server = Server::start(move |mut stream| {
        let notify = notify.clone();
        async move {
            read_request(&mut stream).await;
            stream.write_all(start).await.unwrap();
            let end = stream.read(&mut [0; 16]).await;
            assert!(matches!(end, Ok(0) | Err(_)));
            notify.notify_one();
        }
    })
    .await;
    (server, gone)
}

#[tokio::test]
async fn dropping_a_half_read_body_closes_the_connection() {
    let (server, gone) =
        streaming(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
            .await;
    let client = HttpClient::new();
    let mut body = client.send(post(&server.url, "{}")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    timeout(Duration::from_secs(1), gone.notified()).await.expect("closed");
    drop(client);
}

#[tokio::test]
async fn dropping_an_unread_body_closes_the_connection() {
    let (server, gone) = streaming(CHUNKED).await;
    let client = HttpClient::new();
    drop(client.send(post(&server.url, "{}")).await.unwrap());
    timeout(Duration::from_secs(1), gone.notified()).await.expect("closed");
}

#[tokio::test]
async fn dropping_a_request_closes_the_connection() {
    let (server, gone) = streaming(b"").await;
    let client = HttpClient::new();
    let sending = client.send(post(&server.url, "{}"));
    timeout(Duration::from_millis(50), sending).await.unwrap_err();
    timeout(Duration::from_secs(1), gone.notified()).await.expect("closed");
}

#[tokio::test]
async fn dropping_the_client_closes_idle_connections() {
    let server = Server::answering(OK).await;
    let (gone, notify) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (g, n) = (gone.clone(), notify.clone());
    let watched = Server::start(move |mut stream| {
        let (gone, _) = (g.clone(), n.clone());
        async move {
            while read_request(&mut stream).await.is_some() {
                stream.write_all(OK).await.unwrap();
            }
            gone.notify_one();
        }
    })
    .await;
    let client = HttpClient::new();
    call(&client, &server.url).await.unwrap();
    call(&client, &watched.url).await.unwrap();
    drop(client);
    timeout(Duration::from_secs(1), gone.notified()).await.expect("closed");
}

#[tokio::test]
async fn a_body_of_which_only_the_end_is_unread_keeps_the_connection() {
    let answer =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n";
    let server = Server::answering(answer).await;
    let client = HttpClient::new();
    for _ in 0..10 {
        let mut body = client.send(post(&server.url, "{}")).await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_request_is_sent_as_given() {
    let server = Server::start(|mut stream| async move {
        let request = read_request(&mut stream).await.unwrap();
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{request}", request.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let url: Uri = format!("{}/a?b=c", server.url).parse().unwrap();
    let request = call(&HttpClient::new(), &url).await.unwrap();
    let host = server.url.authority().unwrap();
    let expected = format!(
        "POST /mcp/a?b=c HTTP/1.1\r\nuser-agent: mcp-http/{}\r\nhost: {host}\r\ncontent-length: 2\r\n\r\n{{}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(request, expected);
}

#[tokio::test]
async fn a_connection_is_not_used_when_the_server_is_about_to_close_it() {
    const SOON: &[u8] = b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\n{}";
    let server = Server::answering(SOON).await;
    let client = HttpClient::new();
    for _ in 0..3 {
        call(&client, &server.url).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    sleep(Duration::from_millis(600)).await;
    call(&client, &server.url).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn connections_to_unused_servers_are_closed() {
    let open = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = open.clone();
    let server = Server::start(move |mut stream| {
        use std::sync::atomic::Ordering::SeqCst;
        let count = count.clone();
        async move {
            count.fetch_add(1, SeqCst);
            while read_request(&mut stream).await.is_some() {
                stream.write_all(OK).await.unwrap();
            }
            count.fetch_sub(1, SeqCst);
        }
    })
    .await;
    let client = HttpClient::new();
    let port = server.url.port().unwrap();
    for user in 0..300 {
        // Another authority is another server.
        let url: Uri = format!("http://u{user}@127.0.0.1:{port}/mcp").parse().unwrap();
        call(&client, &url).await.unwrap();
    }
    assert_eq!(server.connections(), 300);
    let closed = async {
        while open.load(std::sync::atomic::Ordering::SeqCst) > 256 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), closed).await.expect("connections are closed");
}

#[tokio::test]
async fn without_a_runtime_a_request_is_an_error() {
    let sending = HttpClient::new().send(post(&Uri::from_static("http://127.0.0.1:9/"), "{}"));
    let outside = std::thread::spawn(move || futures_util::FutureExt::now_or_never(sending));
    let error = outside.join().unwrap().unwrap().unwrap_err();
    assert!(error.is_not_sent());
    assert!(error.to_string().contains("tokio runtime"), "{error}");
}

#[tokio::test]
async fn plain_http_to_a_tls_server_has_a_hint() {
    // An alert, with which most TLS servers respond to plain HTTP.
    let server = Server::closing(b"\x15\x03\x03\x00\x02\x02\x0a").await;
    let error = call(&HttpClient::new(), &server.url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("begins with https"), "{error}");
    let server = Server::closing(b"SSH-2.0-x\r\n").await;
    let error = call(&HttpClient::new(), &server.url).await.unwrap_err();
    assert!(!error.to_string().contains("https"), "{error}");
}

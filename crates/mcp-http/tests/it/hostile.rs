use std::future::pending;
use std::time::Duration;

use http::Uri;
use mcp_http::{ConnectStep, Error, ErrorKind, HttpClient, ReadTimeout, Wait, sse::Events};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep, timeout};

use crate::server::{OK, Server, post, read_request};

const LIMIT: usize = 1024 * 1024;

/// The error of an exchange with `url`.
async fn failure(client: &HttpClient, url: &Uri) -> Error {
    let exchange = async {
        let response = client.send(post(url, "{}")).await?;
        response.into_body().read_to_end(LIMIT).await
    };
    let exchange = timeout(Duration::from_secs(10), exchange);
    exchange.await.expect("ends in time").unwrap_err()
}

#[tokio::test]
async fn broken_responses_have_a_kind() {
    let cases: [(&'static [u8], ErrorKind); 9] = [
        (b"", ErrorKind::Closed),
        (b"HTTP/1.1 200", ErrorKind::Closed),
        (b"HTTP/1.1 200 OK\r\ncontent-", ErrorKind::Closed),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", ErrorKind::Closed),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}", ErrorKind::Closed),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n{}", ErrorKind::Body),
        (b"SSH-2.0-OpenSSH_9.6\r\n", ErrorKind::Protocol),
        (b"{\"jsonrpc\":\"2.0\"}\n", ErrorKind::Protocol),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
            ErrorKind::Protocol,
        ),
    ];
    for (answer, kind) in cases {
        let server = Server::closing(answer).await;
        let error = failure(&HttpClient::new(), &server.url).await;
        assert_eq!(error.kind(), kind, "{}: {error:?}", answer.escape_ascii());
        assert!(!error.is_not_sent(), "{error:?}");
    }
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    let error = failure(&HttpClient::new(), &server.url).await;
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    let error = failure(&HttpClient::new(), &server.url).await;
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("1048576"), "{error}");
}

#[tokio::test]
#[allow(deprecated, reason = "setting no time to linger is what resets a connection")]
async fn a_reset_is_reported() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    let error = failure(&HttpClient::new(), &server.url).await;
    assert_eq!(error.kind(), ErrorKind::Reset, "{error:?}");
    assert!(!error.is_not_sent());
}

#[tokio::test]
async fn nothing_listening_is_refused() {
    let server = Server::answering(OK).await;
    let url = server.url.clone();
    server.stop().await;
    let error = failure(&HttpClient::new(), &url).await;
    assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Refused));
    assert!(error.is_not_sent());
    assert!(error.to_string().contains(url.authority().unwrap().as_str()), "{error}");
}

#[tokio::test]
async fn an_unknown_name_is_reported() {
    let url = Uri::from_static("http://no-such-host.invalid/mcp");
    let error = failure(&HttpClient::new(), &url).await;
    assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Dns), "{error:?}");
    assert!(error.is_not_sent());
}

#[tokio::test]
async fn invalid_urls_are_reported() {
    for url in ["/mcp", "ftp://host/x", "host:80"] {
        let url: Uri = url.parse().unwrap();
        let error = failure(&HttpClient::new(), &url).await;
        assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{url}");
        assert_eq!(HttpClient::new().check(&url).unwrap_err().kind(), ErrorKind::InvalidUrl);
        assert!(error.is_not_sent());
    }
}

#[tokio::test]
async fn a_silent_server_ends_at_the_read_timeout() {
    let cases: [&'static [u8]; 4] = [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
    ];
    let client = HttpClient::builder().read_timeout(Duration::from_millis(100)).build().unwrap();
    for start in cases {
        let server = Server::start(move |mut stream| async move {
            read_request(&mut stream).await;
            stream.write_all(start).await.unwrap();
            pending::<()>().await;
        })
        .await;
        let begin = Instant::now();
        let error = failure(&client, &server.url).await;
        assert_eq!(error.kind(), ErrorKind::Timeout(Wait::Read), "{error:?}");
        assert!(!error.is_not_sent());
        assert!(begin.elapsed() >= Duration::from_millis(100));
        assert!(begin.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn a_slow_response_with_progress_does_not_time_out() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n".chunks(40) {
            stream.write_all(byte).await.unwrap();
        }
        for byte in b"\"slowly\"".chunks(1) {
            sleep(Duration::from_millis(60)).await;
            stream.write_all(byte).await.unwrap();
        }
    })
    .await;
    let client = HttpClient::builder().read_timeout(Duration::from_millis(400)).build().unwrap();
    let response = client.send(post(&server.url, "{}")).await.unwrap();
    assert_eq!(response.into_body().read_to_end(LIMIT).await.unwrap(), "\"slowly\"");
}

#[tokio::test]
async fn a_request_can_have_its_own_read_timeout() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        sleep(Duration::from_millis(200)).await;
        stream.write_all(b"data: late\n\n").await.unwrap();
    })
    .await;
    let client = HttpClient::builder().read_timeout(Duration::from_millis(50)).build().unwrap();
    let error = failure(&client, &server.url).await;
    assert_eq!(error.kind(), ErrorKind::Timeout(Wait::Read));
    let mut request = post(&server.url, "{}");
    request.extensions_mut().insert(ReadTimeout(None));
    let mut events = Events::new(client.send(request).await.unwrap().into_body());
    assert_eq!(events.next().await.unwrap().unwrap().data.unwrap(), "late");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_server_that_reads_nothing_ends_at_the_write_timeout() {
    let server = Server::start(|stream| async move {
        pending::<()>().await;
        drop(stream);
    })
    .await;
    let client = HttpClient::builder().write_timeout(Duration::from_millis(100)).build().unwrap();
    let sending = client.send(post(&server.url, vec![b'x'; 64 * 1024 * 1024]));
    let error = timeout(Duration::from_secs(10), sending).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(Wait::Write), "{error:?}");
    assert!(!error.is_not_sent());
}

#[tokio::test]
async fn the_next_request_works_after_any_failure() {
    let answers: [&'static [u8]; 4] =
        [b"", b"junk\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", OK];
    let next = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |mut stream| {
        let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(answers[n % answers.len()]).await;
        }
    })
    .await;
    let client = HttpClient::new();
    for _ in 0..3 {
        for _ in 0..3 {
            failure(&client, &server.url).await;
        }
        let response = client.send(post(&server.url, "{}")).await.unwrap();
        assert_eq!(response.into_body().read_to_end(LIMIT).await.unwrap(), "{}");
    }
}

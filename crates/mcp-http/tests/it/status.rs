use std::time::Duration;

use http::Uri;
use mcp_http::{HttpClient, StatusError};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::server::{Server, post, read_request};

async fn failure(server: &Server) -> StatusError {
    let url: Uri = format!("{}?key=secret", server.url).parse().unwrap();
    let client = HttpClient::new();
    let response = client.send(post(&url, "{}")).await.unwrap();
    StatusError::read_within(response, &url, 64, Duration::from_millis(200)).await
}

#[tokio::test]
async fn a_page_of_a_proxy_is_shown_by_its_title() {
    let server = Server::closing(
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\nretry-after: 7\r\n\r\n\
          <html><head><title>Down for a while</title></head>",
    )
    .await;
    let error = failure(&server).await;
    assert_eq!(
        error.to_string(),
        format!("HTTP 502 Bad Gateway from {}: Down for a while", server.url)
    );
    assert_eq!(error.headers()["retry-after"], "7");
    assert!(!error.is_truncated());
    assert!(!format!("{error:?}").contains("secret"));
}

#[tokio::test]
async fn an_endless_body_is_truncated() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 500 Oh\r\n\r\n").await;
        while stream.write_all(&[b'x'; 100]).await.is_ok() {}
    })
    .await;
    let error = failure(&server).await;
    assert_eq!(error.body(), "x".repeat(64));
    assert!(error.is_truncated());
}

#[tokio::test]
async fn a_stalled_body_is_used_as_far_as_received() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 50\r\n\r\nno \xff";
        stream.write_all(answer).await.unwrap();
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let begin = Instant::now();
    let error = failure(&server).await;
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(error.body(), "no \u{fffd}");
    assert!(error.is_truncated());
}

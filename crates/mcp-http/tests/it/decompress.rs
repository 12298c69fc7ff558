use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{BrotliEncoder, EncodeV2, GzipEncoder};
use http::{HeaderValue, Response, StatusCode, header};
use mcp_http::sse::Events;
use mcp_http::{Error, ErrorKind, HttpClient, HttpClientBuilder, ResponseBody};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::server::{Server, post, read_request};

/// An incremental encoder.
struct Encoder(Box<dyn EncodeV2 + Send + Sync>);

impl Encoder {
    fn of(coding: &str) -> Self {
        Self(match coding {
            "br" => Box::new(BrotliEncoder::new(Default::default())),
            _ => Box::new(GzipEncoder::new(Level::Default.into())),
        })
    }

    /// The bytes to send so that all of `plain` can be decoded.
    fn push(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut compressed = vec![0; plain.len() + 1024];
        let mut output = WriteBuffer::new_initialized(&mut compressed);
        let mut input = PartialBuffer::new(plain);
        while !input.unwritten().is_empty() {
            self.0.encode(&mut input, &mut output).unwrap();
        }
        while !self.0.flush(&mut output).unwrap() {}
        output.written().to_vec()
    }

    fn finish(&mut self) -> Vec<u8> {
        let mut compressed = [0; 1024];
        let mut output = WriteBuffer::new_initialized(&mut compressed);
        while !self.0.finish(&mut output).unwrap() {}
        output.written().to_vec()
    }

    fn all(coding: &str, plain: &[u8]) -> Vec<u8> {
        let mut encoder = Self::of(coding);
        [encoder.push(plain), encoder.finish()].concat()
    }
}

/// Responds to every request with `head` and `body`.
async fn answering(head: &str, body: Vec<u8>) -> Server {
    let answer = format!("HTTP/1.1 200 OK\r\n{head}content-length: {}\r\n\r\n", body.len());
    let answer = Arc::new([answer.as_bytes(), &body].concat());
    Server::start(move |mut stream| {
        let answer = answer.clone();
        async move {
            while let Some(request) = read_request(&mut stream).await {
                let is_asked = request.contains("accept-encoding: gzip, br\r\n");
                assert!(is_asked || request.contains("accept-encoding: own\r\n"), "{request}");
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

fn builder() -> HttpClientBuilder {
    HttpClient::builder().no_proxy().decompression(true)
}

async fn get(client: &HttpClient, server: &Server) -> Response<ResponseBody> {
    client.send(post(&server.url, "{}")).await.unwrap()
}

async fn fetch(server: &Server, limit: usize) -> Result<Bytes, Error> {
    let client = builder().build().unwrap();
    get(&client, server).await.into_body().read_to_end(limit).await
}

fn text() -> Vec<u8> {
    (0..4_000)
        .flat_map(|n: u32| format!("{{\"n\":{}}}\n", n.wrapping_mul(n)).into_bytes())
        .collect()
}

#[tokio::test]
async fn compressed_bodies_are_decompressed() {
    for (coding, named) in [("gzip", "gzip"), ("gzip", " X-GZip "), ("br", "br")] {
        let text = text();
        let body = Encoder::all(coding, &text);
        assert!(body.len() < text.len() / 2);
        let server = answering(&format!("content-encoding: {named}\r\nx-other: 1\r\n"), body).await;
        let client = builder().build().unwrap();
        for _ in 0..3 {
            let response = get(&client, &server).await;
            assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
            assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
            assert_eq!(response.headers()["x-other"], "1");
            let body = response.into_body().read_to_end(text.len()).await.unwrap();
            assert!(body == text, "{coding}");
        }
        assert_eq!(server.connections(), 1, "the connection is reused");
    }
}

#[tokio::test]
async fn other_codings_are_unchanged() {
    let gzip = Encoder::all("gzip", b"text");
    for (head, body) in [
        ("", &b"text"[..]),
        ("content-encoding: identity\r\n", b"text"),
        ("content-encoding: zstd\r\n", b"\x28\xb5\x2f\xfd"),
        ("content-encoding: gzip\r\ncontent-encoding: br\r\n", b"both"),
        ("content-encoding: gzip, br\r\n", b"both"),
    ] {
        let server = answering(head, body.to_vec()).await;
        let response = get(&builder().build().unwrap(), &server).await;
        assert_eq!(response.headers().contains_key(header::CONTENT_ENCODING), !head.is_empty());
        assert_eq!(response.into_body().read_to_end(1024).await.unwrap(), body);
    }

    let server = answering("content-encoding: gzip\r\n", gzip.clone()).await;
    for client in [builder(), HttpClient::builder().no_proxy()] {
        let mut request = post(&server.url, "{}");
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("own"));
        let response = client.build().unwrap().send(request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(response.into_body().read_to_end(1024).await.unwrap(), gzip);
    }
}

#[tokio::test]
async fn compression_is_off_by_default() {
    let server = Server::start(|mut stream| async move {
        let request = read_request(&mut stream).await.unwrap();
        let status = if request.contains("accept-encoding") { 400 } else { 204 };
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let client = HttpClient::builder().no_proxy().build().unwrap();
    assert_eq!(get(&client, &server).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_event_is_decompressed_as_it_arrives() {
    for coding in ["gzip", "br"] {
        let seen = Arc::new(Notify::new());
        let go_on = seen.clone();
        let server = Server::start(move |mut stream| {
            let go_on = go_on.clone();
            async move {
                read_request(&mut stream).await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
                let mut encoder = Encoder::of(coding);
                for n in 0..3 {
                    let event = encoder.push(format!("data: {n}\n\n").as_bytes());
                    // In parts of any size.
                    for part in event.chunks(5) {
                        stream.write_all(part).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                    go_on.notified().await;
                }
                stream.write_all(&encoder.finish()).await.unwrap();
            }
        })
        .await;
        let client = builder().build().unwrap();
        let mut events = Events::new(get(&client, &server).await.into_body());
        for n in 0..3 {
            let event = timeout(Duration::from_secs(30), events.next()).await.expect("at once");
            assert_eq!(event.unwrap().unwrap().data.unwrap(), n.to_string());
            seen.notify_one();
        }
        assert!(events.next().await.is_none(), "{coding}");
    }
}

#[tokio::test]
async fn a_decompression_bomb_is_limited() {
    for coding in ["gzip", "br"] {
        let mut encoder = Encoder::of(coding);
        let mut bomb = encoder.push(b"data: ");
        let zeros = vec![b'0'; 1024 * 1024];
        for _ in 0..8 {
            bomb.extend(encoder.push(&zeros));
        }
        bomb.extend(encoder.finish());
        assert!(bomb.len() < 128 * 1024, "{}", bomb.len());
        let server = answering(&format!("content-encoding: {coding}\r\n"), bomb).await;
        let error = fetch(&server, 2 * 1024 * 1024).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{coding} {error:?}");

        let body = get(&builder().build().unwrap(), &server).await.into_body();
        let error = Events::with_limit(body, 1024 * 1024).next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{coding} {error:?}");
    }
}

#[tokio::test]
async fn corrupt_data_is_an_error() {
    let text = text();
    for coding in ["gzip", "br"] {
        let whole = Encoder::all(coding, &text);
        let mut spoilt = whole.clone();
        let middle = spoilt.len() / 2;
        spoilt[middle..][..64].fill(0xff);
        let cut = |len| whole[..len].to_vec();
        for body in [cut(1), cut(8), cut(whole.len() / 2), cut(whole.len() - 1), spoilt] {
            let server = answering(&format!("content-encoding: {coding}\r\n"), body).await;
            let error = fetch(&server, text.len()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Body, "{coding} {error:?}");
        }
    }
    let server = answering("content-encoding: gzip\r\n", b"not compressed".to_vec()).await;
    assert_eq!(fetch(&server, 1024).await.unwrap_err().kind(), ErrorKind::Body);
}

#[tokio::test]
async fn trailing_data_is_handled() {
    let one = Encoder::all("gzip", b"one");
    let two = Encoder::all("gzip", b"two");
    let long = "x".repeat(3 * 8192);
    for (body, expected) in [
        (vec![], ""),
        (Encoder::all("gzip", b""), ""),
        ([&one[..], &two].concat(), "onetwo"),
        ([&Encoder::all("gzip", b"")[..], &two].concat(), "two"),
        ([&Encoder::all("gzip", long.as_bytes())[..], &two].concat(), &format!("{long}two")),
        ([&one[..], b"\0\0\0"].concat(), "one"),
    ] {
        let server = answering("content-encoding: gzip\r\n", body).await;
        assert_eq!(fetch(&server, 1 << 16).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn input_without_output_has_a_limit() {
    // Empty gzip members, of which there may be any number.
    let empty = Encoder::all("gzip", b"");
    for (count, is_fine) in [(1000, true), (2 * 1024 * 1024 / empty.len(), false)] {
        let server = answering("content-encoding: gzip\r\n", empty.repeat(count)).await;
        let client = HttpClient::builder().decompression(true).build().unwrap();
        let response = client.send(post(&server.url, "{}")).await.unwrap();
        let body = timeout(Duration::from_secs(10), response.into_body().read_to_end(1024)).await;
        match body.unwrap() {
            Ok(body) => assert!(is_fine && body.is_empty()),
            Err(error) => assert!(!is_fine && error.kind() == ErrorKind::Body, "{error:?}"),
        }
    }
}

use std::error::Error as _;
use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use mcp_http::transport::follow_redirects;
use mcp_http::{
    AddressKind, AddressPolicy, ConnectStep, ErrorKind, HttpClient, HttpClientBuilder, Wait,
};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::server::{OK, Server, post, read_request};

/// Echoes each request.
async fn echo() -> Server {
    Server::start(|mut stream| async move {
        while let Some(request) = read_request(&mut stream).await {
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{request}", request.len());
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

fn builder() -> HttpClientBuilder {
    HttpClient::builder().no_proxy()
}

/// The request as received, with `x-own: 1`.
async fn sent(client: &HttpClient, url: &Uri) -> String {
    let mut request = post(url, "{}");
    request.headers_mut().insert("x-own", HeaderValue::from_static("1"));
    let response = client.send(request).await.unwrap();
    let bytes = response.into_body().read_to_end(4096).await.unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

fn headers<const N: usize>(headers: [(&'static str, &'static str); N]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    map
}

#[tokio::test]
async fn the_user_agent_has_a_default() {
    let server = echo().await;
    let ours = concat!("user-agent: mcp-http/", env!("CARGO_PKG_VERSION"), "\r\n");
    assert!(sent(&builder().build().unwrap(), &server.url).await.contains(ours));
    let client = builder().user_agent("sloth/1").build().unwrap();
    assert!(sent(&client, &server.url).await.contains("user-agent: sloth/1\r\n"));
    let client = builder().user_agent("").build().unwrap();
    assert!(!sent(&client, &server.url).await.contains("user-agent"));
    assert!(builder().user_agent("a\nb").build().is_err());
    builder().user_agent("a\nb").user_agent("a").build().unwrap();
}

#[tokio::test]
async fn default_headers_do_not_replace_those_of_a_request() {
    let server = echo().await;
    let defaults = headers([("x-a", "1"), ("x-a", "2"), ("x-own", "hidden")]);
    let builder = builder().default_headers(headers([("x-a", "0"), ("x-b", "3")]));
    let builder = builder.default_headers(defaults);
    let shown = format!("{builder:?}");
    assert!(shown.contains("x-own") && !shown.contains("hidden"), "{shown}");
    let client = builder.build().unwrap();
    for _ in 0..2 {
        let sent = sent(&client, &server.url).await;
        assert!(sent.contains("\r\nx-a: 1\r\nx-a: 2\r\n"), "{sent}");
        assert!(sent.contains("\r\nx-b: 3\r\n"), "{sent}");
        assert!(sent.contains("\r\nx-own: 1\r\n") && !sent.contains("hidden"), "{sent}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn default_headers_do_not_reach_another_origin_by_a_redirect() {
    let other = echo().await;
    let location = other.url.to_string();
    let server = Server::start(move |mut stream| {
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        );
        async move {
            read_request(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let client = builder().default_headers(headers([("x-api-key", "secret")])).build().unwrap();
    let error = follow_redirects(&client, &server.url, |url| post(url, "{}")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_hook_returns_headers_for_each_request() {
    let server = echo().await;
    let calls = AtomicUsize::new(0);
    let client = builder()
        .default_headers(headers([("authorization", "old")]))
        .on_request(move |request| {
            let call = calls.fetch_add(1, Relaxed);
            assert_eq!(request.method, Method::POST);
            let path = request.uri.path().to_owned();
            async move {
                tokio::task::yield_now().await;
                let mut given = headers([("x-own", "2"), ("x-many", "a"), ("x-many", "b")]);
                given.insert(header::AUTHORIZATION, format!("token {call} for {path}").parse()?);
                Ok::<_, http::header::InvalidHeaderValue>(given)
            }
        })
        .build()
        .unwrap();
    for call in 0..3 {
        let sent = sent(&client, &server.url).await;
        assert!(sent.contains(&format!("authorization: token {call} for /mcp\r\n")), "{sent}");
        assert!(sent.contains("x-own: 2\r\n") && !sent.contains("x-own: 1\r\n"), "{sent}");
        assert!(sent.contains("x-many: a\r\nx-many: b\r\n"), "{sent}");
        assert!(!sent.contains("old"), "{sent}");
    }
}

#[tokio::test]
async fn a_failed_hook_fails_its_request_unsent() {
    fn hook<R: Future>(
        give: impl Fn() -> R + Send + Sync + 'static,
    ) -> impl Fn(mcp_http::RequestHead) -> R + Send + Sync + 'static {
        move |_| give()
    }
    let server = Server::answering(OK).await;
    let failing = hook(|| async { Err::<HeaderMap, _>(std::io::Error::other("no token")) });
    let client = builder().on_request(failing).build().unwrap();
    let error = client.send(post(&server.url, "{}")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Hook);
    assert!(error.is_not_sent());
    assert_eq!(error.source().unwrap().to_string(), "no token");

    let silent = hook(pending::<Result<HeaderMap, std::io::Error>>);
    let client =
        builder().connect_timeout(Duration::from_millis(50)).on_request(silent).build().unwrap();
    let sending = timeout(Duration::from_secs(20), client.send(post(&server.url, "{}")));
    let error = sending.await.expect("the limit is shorter").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(Wait::Hook));
    assert!(error.is_not_sent());
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_hook_is_called_once_per_request() {
    let server = Server::closing(OK).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let client = builder()
        .on_request(move |_| {
            counter.fetch_add(1, Relaxed);
            async { Ok::<_, std::io::Error>(HeaderMap::new()) }
        })
        .build()
        .unwrap();
    for _ in 0..10 {
        let response = client.send(post(&server.url, "{}")).await.unwrap();
        response.into_body().read_to_end(1024).await.unwrap();
    }
    assert_eq!(calls.load(Relaxed), 10);
}

#[tokio::test]
async fn a_client_apart_has_no_secrets_and_connects_to_no_private_address() {
    let server = echo().await;
    let client = builder()
        .default_headers(headers([("x-key", "secret")]))
        .on_request(|_| async { Ok::<_, std::io::Error>(headers([("authorization", "secret")])) })
        .user_agent("sloth/1")
        .build()
        .unwrap();
    assert!(sent(&client, &server.url).await.contains("secret"));
    let local = client.apart(AddressPolicy::PublicAnd(AddressKind::Loopback));
    let text = sent(&local, &server.url).await;
    assert!(text.contains("sloth/1") && !text.contains("secret"), "{text}");
    let public = client.apart(AddressPolicy::PublicAnd(AddressKind::Public));
    let by_name = format!("http://localhost:{}/", server.url.port().unwrap());
    for url in [server.url.clone(), by_name.parse().unwrap()] {
        let error = public.send(post(&url, "{}")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Forbidden), "{error:?}");
        assert!(error.is_not_sent());
    }
    assert_eq!(server.connections(), 2);
}

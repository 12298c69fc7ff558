//! Settings: validation, redaction, and custom services.

use std::{convert::Infallible, time::Duration};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Full;
use mcp_http::{Body, HttpClient, ReadTimeout, StatusError};
use mcp_testkit::{http::Server, within};
use mcp_transport::{
    Address, Binding, Carrier, Connect, Delivery, Envelope, ErrorKind, IdleLimit, SharedConnect,
    Transport,
};
use mcp_transport_http::StreamableHttp;

use crate::{LEGACY, MODERN, ask, at, handshake, open, request, text};

#[tokio::test]
async fn headers_of_the_protocol_cannot_be_set() {
    for name in [
        "Accept",
        "content-type",
        "MCP-Protocol-Version",
        "mcp-method",
        "Mcp-Name",
        "MCP-Session-Id",
    ] {
        let error = at("http://h/").header(name, "x").connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(&name.to_ascii_lowercase()), "{error}");
    }
    let mut headers = HeaderMap::new();
    headers.insert("mcp-session-id", HeaderValue::from_static("x"));
    assert!(at("http://h/").headers(headers.clone()).connect().await.is_err());
    assert!(at("http://h/").header("a b", "x").connect().await.is_err());
    assert!(at("http://h/").header("a", "x\ny").connect().await.is_err());
    assert!(at("http://h/").bearer_token("x\ny").connect().await.is_err());

    let transport = at("http://h/").connect().await.unwrap().transport;
    let envelope = Envelope::new(request(1, "m", "")).with_version(MODERN).with_extension(headers);
    let error = within(transport.request(envelope)).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidRequest, Delivery::NotSent));
}

#[test]
fn urls_are_checked_and_connecting_needs_a_runtime() {
    assert_eq!(StreamableHttp::new("stdio:x").unwrap_err().kind(), ErrorKind::Config);
    let url = url::Url::parse("HTTP://user:pw@Host/p?q=1").unwrap();
    let server = StreamableHttp::new(&url).unwrap();
    assert_eq!(server.describe(), "http://host/p");
    let mut connecting = std::pin::pin!(server.connect());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(outcome) = connecting.as_mut().poll(&mut cx) else { panic!() };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_connection_describes_itself() {
    let info = at("http://user:pw@Host/p?q=1").connect().await.unwrap().info;
    assert_eq!((info.binding, info.carrier), (Binding::StreamableHttp, Carrier::Tcp));
    assert_eq!((info.description.as_str(), info.pid), ("http://host/p", None));
    assert_eq!(info.peer, Some(Address::new("host", 80)));
    assert!(!info.enforces_idle_limit);
    #[cfg(unix)]
    {
        let client = HttpClient::builder().unix_socket("/run/mcp").build().unwrap();
        let info = at("http://host/").with_service(client).connect().await.unwrap().info;
        assert_eq!((info.carrier, info.peer), (Carrier::UnixSocket, None));
    }
}

#[tokio::test]
async fn secrets_are_sent_but_redacted() {
    let server = Server::start(|request, reply| async move {
        let head = [
            ("content-type", "application/json"),
            ("mcp-session-id", "hidden-session"),
            ("set-cookie", "hidden"),
        ];
        match request.rpc().as_str() {
            "initialize" => reply.full(200, &head, request.result("{}")).await,
            "GET" => reply.empty(405).await,
            "m" => reply.full(500, &head, "").await,
            _ => reply.empty(202).await,
        }
    })
    .await;
    let url = server.url.replace("http://", "http://user:hidden@") + "?key=hidden";
    let config = at(&url).header("x-api-key", "hidden").header("cookie", "hidden");
    let mut shown = format!("{config:?} {}", config.describe());
    let transport = config.connect().await.unwrap().transport;
    handshake(&transport).await.unwrap();
    shown += &format!("{transport:?}");
    let error = ask(&transport, request(1, "m", ""), LEGACY).await.unwrap_err();
    shown += &format!("{error} {error:?}");
    let elsewhere = at("http://user:hidden@127.0.0.1:1/?key=hidden").connect().await.unwrap();
    let error = ask(&elsewhere.transport, request(1, "m", ""), LEGACY).await.unwrap_err();
    shown += &format!("{error} {error:?}");
    assert!(!shown.contains("hidden"), "{shown}");
    let sent = &server.logged("m")[0];
    assert_eq!(sent.path, "/mcp?key=hidden");
    assert_eq!(sent.header("authorization"), Some("Basic dXNlcjpoaWRkZW4="));
    assert_eq!(sent.header("x-api-key"), Some("hidden"));
}

/// The server repeats the session id in an error body, as a debug page might.
#[tokio::test]
async fn the_id_of_a_session_is_a_secret() {
    let server = Server::start(|request, reply| async move {
        let head =
            [("content-type", "application/json"), ("mcp-session-id", "hidden-session-0123456789")];
        match request.rpc().as_str() {
            "initialize" => reply.full(200, &head, request.result("{}")).await,
            "GET" => reply.empty(405).await,
            "m" => {
                let body = format!("no luck in {}", request.header("mcp-session-id").unwrap());
                reply.full(500, &[("content-type", "text/plain")], body).await
            }
            "n" => {
                let id = request.header("mcp-session-id").unwrap().to_owned();
                let error = format!(r#"{{"code":-1,"message":"no luck in {id}"}}"#);
                let body = format!(r#"{{"jsonrpc":"2.0","id":2,"error":{error}}}"#);
                reply.json(200, body).await
            }
            _ => reply.empty(202).await,
        }
    })
    .await;
    let transport = at(&server.url).connect().await.unwrap().transport;
    handshake(&transport).await.unwrap();
    let id = transport.session_id().unwrap();
    assert!(id.is_sensitive());
    let mut shown = format!("{transport:?} {id:?}");
    let mut next: Option<Box<dyn std::error::Error>> =
        Some(Box::new(ask(&transport, request(1, "m", ""), LEGACY).await.unwrap_err()));
    while let Some(error) = next.take() {
        shown += &format!("{error} {error:?}");
        shown += &error.source().map(|source| format!("{source} {source:?}")).unwrap_or_default();
    }
    let answer = ask(&transport, request(2, "n", ""), LEGACY).await.unwrap();
    shown += &format!("{answer:?}");
    assert!(!shown.contains("hidden-session"), "{shown}");
    assert!(shown.contains("no luck in"), "{shown}");
}

#[tokio::test]
async fn a_header_overrides_credentials_of_the_url() {
    let server =
        Server::start(|request, reply| async move { reply.json(200, request.result("1")).await })
            .await;
    let url = server.url.replace("http://", "http://user:pw@");
    let transport = at(&url).bearer_token("t").connect().await.unwrap().transport;
    let mut more = HeaderMap::new();
    more.insert("authorization", HeaderValue::from_static("Bearer u"));
    ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    let other = Envelope::new(request(1, "m", "")).with_version(MODERN).with_extension(more);
    within(async { transport.request(other).await.unwrap().response().await }).await.unwrap();
    let log = server.log();
    assert_eq!(log[0].header("authorization"), Some("Bearer t"));
    assert_eq!(log[1].header("authorization"), Some("Bearer u"));
}

#[derive(Clone, Debug, PartialEq)]
struct Mark(u8);

#[tokio::test]
async fn any_tower_service_is_accepted() {
    let service = tower::service_fn(|request: Request<Body>| async move {
        assert_eq!(request.uri(), "https://nowhere.example/mcp");
        assert_eq!(request.extensions().get(), Some(&Mark(7)));
        let second = Some(Duration::from_secs(1));
        assert_eq!(request.extensions().get(), Some(&ReadTimeout(second)));
        let body = r#"{"jsonrpc":"2.0","id":1,"result":"mine"}"#;
        let response =
            Response::builder().header("content-type", "Application/JSON; charset=utf-8");
        Ok::<_, Infallible>(response.body(Full::new(bytes::Bytes::from(body))).unwrap())
    });
    let server = StreamableHttp::new("https://nowhere.example/mcp").unwrap().with_service(service);
    let transport = SharedConnect::new(server).connect().await.unwrap().transport;
    let envelope = Envelope::new(request(1, "m", "")).with_version(MODERN).with_extension(Mark(7));
    let envelope = envelope.with_idle_limit(IdleLimit::After(Duration::from_secs(1)));
    let response = within(async { transport.request(envelope).await.unwrap().response().await });
    assert_eq!(text(&response.await.unwrap()), "\"mine\"");
}

#[tokio::test]
async fn an_error_of_a_custom_service_is_the_source() {
    let service = tower::service_fn(|_: Request<Body>| async {
        Err::<Response<Full<bytes::Bytes>>, _>(std::io::Error::other("no luck"))
    });
    let server = StreamableHttp::new("http://h/").unwrap().with_service(service);
    let transport = server.connect().await.unwrap().transport;
    let error = ask(&transport, request(1, "m", ""), MODERN).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Other, Delivery::Unknown));
    assert_eq!(error.find::<std::io::Error>().unwrap().to_string(), "no luck");
}

#[tokio::test]
async fn tower_layers_are_supported() {
    let server =
        Server::start(|request, reply| async move { reply.json(200, request.result("1")).await })
            .await;
    let service = tower::util::MapRequest::new(HttpClient::new(), |mut request: Request<Body>| {
        request.headers_mut().insert("x-layer", HeaderValue::from_static("yes"));
        request
    });
    let transport = at(&server.url).with_service(service).connect().await.unwrap().transport;
    ask(&transport, request(1, "m", ""), MODERN).await.unwrap();
    assert_eq!(server.log()[0].header("x-layer"), Some("yes"));
}

#[tokio::test]
async fn repeated_request_headers_are_redacted() {
    let server = Server::start(|request, reply| async move {
        let token = request.header("authorization").unwrap_or_default().to_owned();
        let key = request.header("x-api-key").unwrap_or_default().to_owned();
        let text = format!("refused {token} and {key}");
        let message = format!(r#"{{"code":-32000,"message":"{text}"}}"#);
        let error = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{message}}}"#, request.id());
        match request.rpc().as_str() {
            "page" => {
                reply.full(500, &[("content-type", "text/plain"), ("x-echo", &token)], text).await
            }
            "error" => reply.json(200, error).await,
            "refusal" => reply.json(400, error).await,
            "event" => {
                let mut reply = reply.sse().await;
                reply.event(error).await;
                reply.end().await
            }
            "junk" => reply.json(200, format!("{{{text}")).await,
            _ => {
                let mut reply = reply.sse().await;
                reply.event(format!("{{{text}")).await;
                reply.end().await
            }
        }
    })
    .await;
    let http = at(&server.url).bearer_token("hidden-token").header("x-api-key", "hidden-key");
    let transport = http.connect().await.unwrap().transport;
    for version in [MODERN, LEGACY] {
        for method in ["page", "error", "refusal", "event", "junk", "junk event"] {
            let shown = match ask(&transport, request(1, method, ""), version).await {
                Ok(response) => response.outcome.unwrap_err().to_string(),
                Err(error) => {
                    let body = error.find::<StatusError>().map(|it| it.body().to_owned());
                    format!("{error} {error:?} {}", body.unwrap_or_default())
                }
            };
            assert!(shown.contains("[redacted]"), "{method}: {shown}");
            assert!(!shown.contains("hidden"), "{method}: {shown}");
        }
    }
}

#[tokio::test]
async fn texts_of_a_server_are_one_short_line() {
    let server = Server::start(|request, reply| async move {
        let text = format!("\u{1b}[31mred\u{202e}{}", "x".repeat(10_000));
        match request.rpc().as_str() {
            "page" => reply.full(500, &[("content-type", "text/plain")], text).await,
            "redirect" => {
                let location = format!("http://elsewhere/{}", "x".repeat(5_000));
                reply.full(307, &[("location", &location)], "").await
            }
            "moved" => {
                let location = format!("/{}", "x".repeat(5_000));
                reply.full(307, &[("location", &location)], "").await
            }
            _ => reply.json(200, text).await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    for method in ["page", "redirect", "moved", "junk"] {
        let error = ask(&transport, request(1, method, ""), MODERN).await.unwrap_err();
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(level) = next {
            let text = level.to_string();
            assert!(text.chars().count() < 1300, "{method}: {}", text.len());
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\n']), "{method}: {text}");
            next = level.source();
        }
    }
}

#[test]
fn without_a_runtime_or_its_timer_connecting_is_an_error() {
    let connect = || async { at("http://127.0.0.1:9/").connect().await.unwrap_err() };
    let bare = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    for error in
        [bare.block_on(connect()), futures_util::FutureExt::now_or_never(connect()).unwrap()]
    {
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Config, Delivery::NotSent));
        assert!(error.to_string().contains("tokio runtime"), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_ends_with_a_line_break_is_named_as_such() {
    for (token, named) in [
        ("hidden\n", "ends with a line break"),
        ("hidden\r\n", "ends with a line break"),
        ("hid\nden", "has a line break in it"),
        ("hidden\0", "character"),
    ] {
        let error = at("http://h/").bearer_token(token).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        assert!(text.contains(named) && !text.contains("hid"), "{text}");
    }
}

/// A service that never becomes ready.
#[derive(Clone)]
struct Unready;

impl tower::Service<Request<Body>> for Unready {
    type Response = Response<Full<bytes::Bytes>>;
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<Self::Response, std::io::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), std::io::Error>> {
        std::task::Poll::Ready(Err(std::io::Error::other("no room")))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        unreachable!("it is not ready")
    }
}

#[tokio::test]
async fn a_request_to_an_unready_service_is_not_sent() {
    let transport = at("http://h/").with_service(Unready).connect().await.unwrap().transport;
    let error = ask(&transport, request(1, "m", ""), MODERN).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Other, Delivery::NotSent));
    assert!(error.find::<std::io::Error>().unwrap().to_string().contains("no room"));
}

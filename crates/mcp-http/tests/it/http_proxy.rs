use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Uri;
use mcp_http::{ConnectStep, Error, ErrorKind, HttpClient, Proxy};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::server::{OK, Server, post, read_request};

/// `user:hidden`
const AUTHORIZATION: &str = "proxy-authorization: Basic dXNlcjpoaWRkZW4=\r\n";

/// A proxy that requires credentials, and the requests it received.
async fn start() -> (Server, Arc<Mutex<Vec<String>>>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = seen.clone();
    let server = Server::start(move |mut stream| {
        let log = log.clone();
        async move {
            while let Some(request) = read_request(&mut stream).await {
                log.lock().unwrap().push(request.clone());
                if !request.contains(AUTHORIZATION) {
                    let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\n\
                        proxy-authenticate: Basic realm=\"x\"\r\ncontent-length: 0\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                } else if let Some(rest) = request.strip_prefix("CONNECT ") {
                    let target = rest.split(' ').next().unwrap();
                    let Ok(mut server) = TcpStream::connect(target).await else {
                        let answer = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                        continue;
                    };
                    let answer = b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut server).await;
                    return;
                } else {
                    stream.write_all(OK).await.unwrap();
                }
            }
        }
    })
    .await;
    (server, seen)
}

fn with_credentials(proxy: &Server, credentials: &str) -> Proxy {
    Proxy::http(format!("http://{credentials}{}", proxy.url.authority().unwrap())).unwrap()
}

fn through(proxy: Proxy) -> HttpClient {
    HttpClient::builder().proxy(proxy).build().unwrap()
}

async fn call(client: &HttpClient, url: &Uri) -> Result<String, Error> {
    let response = client.send(post(url, "{}")).await?;
    let body = response.into_body().read_to_end(1024).await?;
    Ok(String::from_utf8(body.into()).unwrap())
}

/// Whether the error is of the proxy and nothing was sent.
fn is_of(error: &Error, proxy: &Server) -> bool {
    error.kind() == ErrorKind::Connect(ConnectStep::Proxy)
        && error.is_not_sent()
        && error.to_string().contains(proxy.url.authority().unwrap().as_str())
        && !format!("{error:?}").contains("hidden")
}

#[tokio::test]
async fn http_requests_are_forwarded_by_the_proxy() {
    let (proxy, seen) = start().await;
    let client = through(with_credentials(&proxy, "user:hidden@"));
    let urls = ["http://u:p@server.invalid/mcp?q=1", "http://server.invalid:81/"];
    for url in urls {
        for _ in 0..2 {
            assert_eq!(call(&client, &Uri::from_static(url)).await.unwrap(), "{}");
        }
    }
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|request| request.contains(AUTHORIZATION)));
    for (request, url, host) in [
        (&seen[0], "http://server.invalid/mcp?q=1", "server.invalid"),
        (&seen[1], "http://server.invalid/mcp?q=1", "server.invalid"),
        (&seen[3], "http://server.invalid:81/", "server.invalid:81"),
    ] {
        assert!(request.starts_with(&format!("POST {url} HTTP/1.1\r\n")), "{request}");
        assert!(request.contains(&format!("\r\nhost: {host}\r\n")), "{request}");
    }
    assert_eq!(proxy.connections(), 2, "one for each server, reused");
}

#[tokio::test]
async fn a_proxy_without_valid_credentials_is_reported() {
    let (proxy, _) = start().await;
    for (credentials, text) in
        [("", "requires credentials"), ("user:hiddenwrong@", "refuses the configured credentials")]
    {
        let client = through(with_credentials(&proxy, credentials));
        for url in ["http://server.invalid/", "https://server.invalid/"] {
            if cfg!(not(feature = "_tls")) && url.starts_with("https") {
                continue;
            }
            let error = call(&client, &Uri::from_static(url)).await.unwrap_err();
            assert!(is_of(&error, &proxy), "{url} {error:?}");
            assert!(error.to_string().contains(text), "{url} {error}");
        }
    }
}

#[tokio::test]
async fn exceptions_bypass_the_proxy() {
    let server = Server::answering(OK).await;
    let (proxy, _) = start().await;
    let client = through(with_credentials(&proxy, "user:hidden@").no_proxy("x, 127.0.0.0/8"));
    call(&client, &server.url).await.unwrap();
    assert_eq!((server.connections(), proxy.connections()), (1, 0));
    call(&client, &Uri::from_static("http://server.invalid/")).await.unwrap();
    assert_eq!((server.connections(), proxy.connections()), (1, 1));

    let proxied = HttpClient::builder().proxy(with_credentials(&proxy, ""));
    call(&proxied.no_proxy().build().unwrap(), &server.url).await.unwrap();
    assert_eq!((server.connections(), proxy.connections()), (2, 1));
}

#[tokio::test]
async fn variables_name_the_proxy() {
    let server = Server::answering(OK).await;
    let (proxy, _) = start().await;
    let url = format!("http://user:hidden@{}", proxy.url.authority().unwrap());
    let client = through(Proxy::from_vars(|name| match name {
        "HTTP_PROXY" => Some(url.clone()),
        "NO_PROXY" => Some("localhost,.internal".to_owned()),
        _ => None,
    }));
    call(&client, &Uri::from_static("http://server.invalid/")).await.unwrap();
    let local = server.url.to_string().replace("127.0.0.1", "localhost").parse().unwrap();
    call(&client, &local).await.unwrap();
    assert_eq!((server.connections(), proxy.connections()), (1, 1));
}

#[tokio::test]
async fn a_dead_proxy_is_named() {
    let (proxy, _) = start().await;
    let client = through(with_credentials(&proxy, "user:hidden@"));
    let url = proxy.url.clone();
    proxy.stop().await;
    let error = call(&client, &Uri::from_static("http://server.invalid/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Proxy), "{error:?}");
    assert!(error.is_not_sent());
    let text = format!("cannot connect to the proxy http://{}", url.authority().unwrap());
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn an_invalid_variable_fails_the_request_and_is_named() {
    let client = through(Proxy::from_vars(|name| {
        (name == "http_proxy").then(|| "ftp://user:hidden@proxy".to_owned())
    }));
    let url = Uri::from_static("http://server.invalid/");
    let sent = call(&client, &url).await.unwrap_err();
    for error in [client.check(&url).unwrap_err(), sent] {
        assert_eq!(error.kind(), ErrorKind::Connect(ConnectStep::Proxy));
        assert!(error.to_string().contains("http_proxy"), "{error}");
        assert!(error.is_not_sent());
        assert!(!format!("{error:?}").contains("hidden"));
    }
}

#[cfg(all(feature = "http2", feature = "tls-ring"))]
mod tunnel {
    use std::future::pending;

    use http::Version;
    use mcp_http::Wait;

    use super::*;
    use crate::tls::{self, trusting};

    #[tokio::test]
    async fn https_goes_through_a_tunnel() {
        for (alpn, version) in [(&b"h2"[..], Version::HTTP_2), (b"http/1.1", Version::HTTP_11)] {
            let (server, url, ca) = tls::start(&[alpn]).await;
            let (proxy, seen) = start().await;
            let known = with_credentials(&proxy, "user:hidden@");
            let client = trusting(ca).proxy(known).build().unwrap();
            for _ in 0..3 {
                let response = client.send(post(&url, "{}")).await.unwrap();
                assert_eq!(response.version(), version);
                response.into_body().read_to_end(1024).await.unwrap();
            }
            assert_eq!((server.connections(), proxy.connections()), (1, 1));
            let target = url.authority().unwrap();
            let expected =
                format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{AUTHORIZATION}\r\n");
            assert_eq!(*seen.lock().unwrap(), [expected]);
        }
    }

    #[tokio::test]
    async fn a_server_unreachable_by_the_proxy_is_reported() {
        let (proxy, _) = start().await;
        let client = through(with_credentials(&proxy, "user:hidden@"));
        let url = Uri::from_static("https://server.invalid/");
        let error = call(&client, &url).await.unwrap_err();
        assert!(is_of(&error, &proxy), "{error:?}");
        assert!(error.to_string().ends_with("server.invalid:443: 502 Bad Gateway"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_no_proxy_is_reported() {
        for answer in [&b"SSH-2.0\r\n\r\n"[..], b"", b"HTTP/1.1 200 OK\r\n\r\nhello"] {
            let proxy = Server::closing(answer).await;
            let client = through(with_credentials(&proxy, "user:hidden@"));
            let url = Uri::from_static("https://server.invalid/");
            let error = call(&client, &url).await.unwrap_err();
            assert!(is_of(&error, &proxy), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_silent_proxy_ends_at_the_connect_timeout() {
        let proxy = Server::start(|mut stream| async move {
            read_request(&mut stream).await;
            pending::<()>().await;
        })
        .await;
        let client = HttpClient::builder()
            .proxy(with_credentials(&proxy, "user:hidden@"))
            .connect_timeout(Duration::from_millis(100))
            .build()
            .unwrap();
        let url = Uri::from_static("https://server.invalid/");
        let error = call(&client, &url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout(Wait::Connect), "{error:?}");
        assert!(error.is_not_sent());
        let address = proxy.url.authority().unwrap().as_str();
        assert!(error.to_string().contains(&format!("proxy http://{address}")), "{error}");
    }
}

/// The environment of a process cannot be changed safely in one of many threads: the second half runs in a separate
/// process.
#[tokio::test]
async fn the_environment_names_the_proxy_by_default() {
    const TARGET: &str = "MCP_HTTP_TEST_TARGET";
    if let Ok(target) = std::env::var(TARGET) {
        let client = HttpClient::builder().build().unwrap();
        assert_eq!(call(&client, &target.parse().unwrap()).await.unwrap(), "{}");
        return;
    }
    let (proxy, seen) = start().await;
    let address = proxy.url.authority().unwrap();
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.arg("the_environment_names_the_proxy_by_default").kill_on_drop(true);
    for name in ["HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "no_proxy", "all_proxy", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    child.env("http_proxy", format!("http://user:hidden@{address}"));
    child.env(TARGET, "http://nowhere.invalid/mcp");
    let output = tokio::time::timeout(Duration::from_secs(60), child.output()).await.unwrap();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

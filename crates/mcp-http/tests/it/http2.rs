//! Many calls to HTTP/2 servers with small limits: none fails.

use std::convert::Infallible;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Response, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mcp_http::{Error, HttpClient};
use rustls::ServerConfig;
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::server::{Server, post};
use crate::tls::{authority, certificate, server_config, trusting};

async fn call(client: &HttpClient, url: &Uri) -> Result<Bytes, Error> {
    let response = client.send(post(url, "{}")).await?;
    assert_eq!(response.version(), Version::HTTP_2);
    response.into_body().read_to_end(1 << 20).await
}

/// Makes `total` calls, `at_a_time` concurrently. None fails.
async fn many_calls(client: &HttpClient, url: &Uri, at_a_time: usize, total: usize) {
    let left = Arc::new(AtomicUsize::new(total));
    let mut tasks = JoinSet::new();
    for _ in 0..at_a_time {
        let (client, url, left) = (client.clone(), url.clone(), left.clone());
        tasks.spawn(async move {
            while left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                .is_ok()
            {
                let body = call(&client, &url).await.unwrap_or_else(|error| {
                    panic!("{at_a_time} at a time: {error:?}");
                });
                assert!(body.starts_with(b"{"));
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// A server that allows 8 streams with small windows and closes a connection gracefully after 50 requests.
async fn hyper_server(config: ServerConfig) -> (Server, Uri) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let (served, full) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
            let is_full = full.clone();
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (served, full) = (served.clone(), full.clone());
                async move {
                    let _ = request.into_body().collect().await;
                    if served.fetch_add(1, Ordering::SeqCst) == 50 {
                        full.notify_one();
                    }
                    let body = format!("{{{}}}", "x".repeat(5000));
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body))))
                }
            });
            let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            builder.max_concurrent_streams(8).initial_stream_window_size(1024);
            builder.initial_connection_window_size(65_535);
            let mut serving =
                std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
            tokio::select! {
                _ = serving.as_mut() => return,
                () = is_full.notified() => serving.as_mut().graceful_shutdown(),
            }
            let _ = serving.await;
        }
    })
    .await;
    let url = server.url.to_string().replace("http:", "https:");
    (server, url.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_at_a_server_with_small_limits() {
    let (issuer, ca) = authority("limits");
    let (server, url) = hyper_server(server_config(&issuer, &[b"h2"])).await;
    let client = trusting(ca).build().unwrap();
    for at_a_time in [1, 16, 400] {
        many_calls(&client, &url, at_a_time, 10_000).await;
    }
    assert!(server.connections() >= 3 * 10_000 / 60);
}

/// An nginx on a free port. Dropping it ends it.
struct Nginx {
    _process: Child,
    url: Uri,
}

impl Nginx {
    /// `None` if nginx is not installed.
    async fn start(folder: &Path, certificate: &str, key: &str) -> Option<Self> {
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"]
            .into_iter()
            .find(|path| Path::new(path).exists())?;
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        std::fs::write(folder.join("cert.pem"), certificate).unwrap();
        std::fs::write(folder.join("key.pem"), key).unwrap();
        let at = folder.display();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;
            events {{ worker_connections 512; }}
            http {{
                access_log off; keepalive_requests 50; http2_max_concurrent_streams 8;
                client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;
                fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi;
                scgi_temp_path {at}/scgi;
                server {{
                    listen 127.0.0.1:{port} ssl http2;
                    ssl_certificate {at}/cert.pem; ssl_certificate_key {at}/key.pem;
                    location / {{ return 200 '{{\"ok\":true}}'; }}
                }}
            }}"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let process = Command::new(program)
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < deadline, "nginx listens");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let url = format!("https://127.0.0.1:{port}/mcp").parse().unwrap();
        Some(Self { _process: process, url })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_at_nginx() {
    let (issuer, ca) = authority("nginx");
    let (certificate, key) = certificate(&issuer);
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let Some(nginx) = Nginx::start(folder.path(), &certificate, &key).await else {
        assert!(std::env::var_os("CI").is_none_or(|it| it != "true"), "nginx is not installed");
        eprintln!("skipped: nginx is not installed");
        return;
    };
    let client = trusting(ca).build().unwrap();
    for at_a_time in [1, 16, 400] {
        many_calls(&client, &nginx.url, at_a_time, 10_000).await;
    }
}

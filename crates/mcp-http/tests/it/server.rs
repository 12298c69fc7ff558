//! A raw TCP server, so that a test controls every byte.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::{Request, Uri};
use mcp_http::Body;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

pub(crate) struct Server {
    pub(crate) url: Uri,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// Runs `handler` for each connection.
    pub(crate) async fn start<F>(handler: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Relaxed);
                tokio::spawn(handler(stream));
            }
        });
        Self { url: url.parse().unwrap(), connections, task }
    }

    /// Responds to every request with `answer`.
    pub(crate) async fn answering(answer: &'static [u8]) -> Self {
        Self::start(move |mut stream| async move {
            while read_request(&mut stream).await.is_some() {
                if stream.write_all(answer).await.is_err() {
                    return;
                }
            }
        })
        .await
    }

    /// Responds to the first request of every connection with `answer` and closes.
    pub(crate) async fn closing(answer: &'static [u8]) -> Self {
        Self::start(move |mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(answer).await;
        })
        .await
    }

    /// Stops the server, and waits until its port refuses connections.
    pub(crate) async fn stop(self) {
        let address = self.url.authority().expect("a URL with a host").to_string();
        drop(self);
        let refuses = async {
            while TcpStream::connect(&address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        let limit = std::time::Duration::from_secs(10);
        tokio::time::timeout(limit, refuses).await.expect("the port refuses connections");
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The next request, head and body, or `None` at the end of the connection.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut received = Vec::new();
    loop {
        if stream.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&received);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
    }
}

pub(crate) fn post(url: &Uri, body: impl Into<Body>) -> Request<Body> {
    Request::post(url.clone()).body(body.into()).unwrap()
}

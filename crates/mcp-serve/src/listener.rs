//! A TCP listener for [`Http`].

use std::{convert::Infallible, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use mcp_transport::Serve;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

use crate::{Body, Http};

/// How long a write may make no progress before the connection is closed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long connections may take to end after the event streams have ended.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long servers may take to close. Longer than the grace period of processes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after a failed accept, for example when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on a TCP port and serves an [`Http`] at one path, with HTTP/1.1, or HTTP/2 with prior knowledge.
///
/// A connection whose client reads nothing for 60 s is closed. Other paths respond with 404, except `/healthz`, which
/// is 200 while the process serves, and `/readyz`, which is 200 or 503 depending on [`ready`](Self::ready).
pub struct Listener {
    listener: TcpListener,
    path: String,
    #[cfg(feature = "sse")]
    sse_path: Option<String>,
    ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Listener {
    /// Binds to an address, such as `127.0.0.1:8000`; port 0 selects a free one. The default path is `/mcp`.
    ///
    /// # Errors
    /// The address is not available on this machine, or is in use.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            listener,
            path: "/mcp".to_owned(),
            #[cfg(feature = "sse")]
            sse_path: None,
            ready: Arc::new(|| true),
        })
    }

    /// Also serves HTTP+SSE at this path, such as `/sse`. Default: not served.
    #[cfg(feature = "sse")]
    #[must_use]
    pub fn sse_path(mut self, path: impl Into<String>) -> Self {
        self.sse_path = Some(path.into());
        self
    }

    /// Sets the path.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets the readiness check behind `/readyz`: whether calls are likely to succeed, for example whether the server
    /// behind a relay responds. Default: always ready.
    #[must_use]
    pub fn ready(mut self, ready: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.ready = Arc::new(ready);
        self
    }

    /// The local address.
    ///
    /// # Errors
    /// The system does not return it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` completes. Then no connection is accepted, the sessions and streams of `http` end,
    /// servers have 30 s to close, and requests 5 s to finish.
    ///
    /// Dropping the future stops accepting connections; open connections are still served.
    pub async fn serve<S: Serve>(self, http: Http<S>, shutdown: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let routes = Arc::new(Routes {
            path: self.path,
            #[cfg(feature = "sse")]
            sse: self.sse_path.map(|path| (path, http.http_sse())),
            http: http.clone(),
            ready: self.ready,
        });
        let listener = self.listener;
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut shutdown => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(serve_connection(stream, Arc::clone(&routes), &graceful));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
        drop(listener);
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, http.close()).await;
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await;
    }
}

struct Routes<S> {
    path: String,
    http: Http<S>,
    #[cfg(feature = "sse")]
    sse: Option<(String, crate::HttpSse<S>)>,
    ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

fn serve_connection<S: Serve>(
    stream: TcpStream,
    routes: Arc<Routes<S>>,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + 'static {
    // Events are small and must be sent without delay.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = service_fn(move |request| {
        let routes = Arc::clone(&routes);
        async move { routes.respond(request).await }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(Box::pin(stream)), service).into_owned();
    let watched = graceful.watch(connection);
    async move {
        // The end of a connection concerns only its client.
        let _ = watched.await;
    }
}

impl<S: Serve> Routes<S> {
    async fn respond(&self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path();
        if path == self.path {
            return self.http.clone().call(request).await;
        }
        #[cfg(feature = "sse")]
        if let Some((_, sse)) = self.sse.as_ref().filter(|(at, _)| at == path) {
            return sse.clone().call(request).await;
        }
        let status = match path {
            "/healthz" | "/readyz" if !matches!(*request.method(), Method::GET | Method::HEAD) => {
                StatusCode::METHOD_NOT_ALLOWED
            }
            "/healthz" => StatusCode::OK,
            "/readyz" if (self.ready)() => StatusCode::OK,
            "/readyz" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::NOT_FOUND,
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        Ok(response)
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("address", &self.listener.local_addr().ok())
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

//! A TCP listener.

use std::{convert::Infallible, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use mcp_transport::Serve;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, ToSocketAddrs},
};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

use crate::{Body, Routes, health::Readiness};

const HEALTH: &str = "/healthz";
const READY: &str = "/readyz";
/// How long a write may make no progress before the connection is closed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long connections may take to end after the event streams have ended.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long servers may take to close. Longer than the grace period of processes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after a failed accept, for example when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on a TCP port and serves an [`Http`](crate::Http) at `/mcp`, or [`Routes`], with HTTP/1.1, or HTTP/2 with
/// prior knowledge.
///
/// A connection whose client reads nothing for 60 s is closed. Other paths respond with 404, except `/healthz`, which
/// is 200 while the process serves, and `/readyz`, which is 200 or 503 depending on [`ready`](Self::ready).
pub struct Listener {
    listener: TcpListener,
    ready: Readiness,
    #[cfg(feature = "_tls")]
    tls: Option<crate::Tls>,
}

impl Listener {
    /// Binds to an address, such as `127.0.0.1:8000`; port 0 selects a free one.
    ///
    /// # Errors
    /// The address is not available on this machine, or is in use.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(address).await?,
            ready: Readiness::always(),
            #[cfg(feature = "_tls")]
            tls: None,
        })
    }

    /// Serves https, with HTTP/2 if the client supports it. Default: http.
    #[cfg(feature = "_tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets the readiness check behind `/readyz`: whether calls are likely to succeed, for example whether the server
    /// behind a relay responds to a ping. Default: always ready.
    ///
    /// After an error the status is 503, and the body has the error, if the request has an allowed host and the
    /// credentials that [`Http::authenticate`](crate::Http::authenticate) requires. One check serves all requests
    /// within 2 s. It is not cancelled; a request that waits for more than 5 s receives 503.
    #[must_use]
    pub fn ready<F, E>(mut self, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.ready = Readiness::of(check);
        self
    }

    /// The local address.
    ///
    /// # Errors
    /// The system does not return it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves an [`Http`](crate::Http) at `/mcp`, or [`Routes`], until `shutdown` completes. Then no connection is
    /// accepted, sessions and streams end, servers have 30 s to close, and requests 5 s to finish.
    ///
    /// Dropping the future stops accepting connections; open connections are still served.
    pub async fn serve<S: Serve>(
        self,
        routes: impl Into<Routes<S>>,
        shutdown: impl Future<Output = ()>,
    ) {
        let graceful = GracefulShutdown::new();
        let paths = Arc::new(Paths { routes: routes.into(), ready: self.ready });
        let listener = self.listener;
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut shutdown => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    // Events are small and must be sent without delay.
                    let _ = stream.set_nodelay(true);
                    let mut stream = TimeoutStream::new(stream);
                    stream.set_write_timeout(Some(WRITE_TIMEOUT));
                    let (stream, paths) = (Box::pin(stream), Arc::clone(&paths));
                    let watcher = graceful.watcher();
                    #[cfg(feature = "_tls")]
                    if let Some(tls) = self.tls.clone() {
                        tokio::spawn(async move {
                            // A failed handshake concerns only its client.
                            if let Ok(stream) = tls.accept(stream).await {
                                serve_connection(stream, paths, watcher).await;
                            }
                        });
                        continue;
                    }
                    tokio::spawn(serve_connection(stream, paths, watcher));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
        drop(listener);
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, paths.routes.close()).await;
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await;
    }
}

struct Paths<S> {
    routes: Routes<S>,
    ready: Readiness,
}

async fn serve_connection<S: Serve>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    paths: Arc<Paths<S>>,
    watcher: Watcher,
) {
    let service = service_fn(move |request| {
        let paths = Arc::clone(&paths);
        async move { paths.respond(request).await }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    // The end of a connection concerns only its client.
    let _ = watcher.watch(connection).await;
}

impl<S: Serve> Paths<S> {
    async fn respond(&self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path();
        if !matches!(path, HEALTH | READY) {
            return self.routes.clone().call(request).await;
        }
        let mut response = Response::new(Body::empty());
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        } else if path == READY
            && let Err(cause) = self.ready.outcome().await
        {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            // Supervisors need only the status; the cause is for those that may use the server.
            let (head, _) = request.into_parts();
            if self.routes.refuse(&head).await.is_none() {
                let text = HeaderValue::from_static("text/plain; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, text);
                *response.body_mut() = Body::full(cause + "\n");
            }
        }
        Ok(response)
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("address", &self.listener.local_addr().ok())
            .finish_non_exhaustive()
    }
}

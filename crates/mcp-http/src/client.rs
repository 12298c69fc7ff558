use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use mcp_transport::Carrier;
use tower_service::Service;

use crate::body::Body;
use crate::config::HttpClientBuilder;
use crate::connect::Connector;
#[cfg(feature = "decompression")]
use crate::decompress;
use crate::error::{Doing, Error};
use crate::pool::{Host, Lease};
use crate::response::ResponseBody;
use crate::timer::IdleTimer;
use crate::tls::Tls;

/// A failure of a request with a body of at least this size is taken for one that was answered
/// before the server had read it.
const LARGE_UPLOAD: usize = 64 * 1024;

/// An HTTP client with a pool of connections. A clone shares it.
///
/// It speaks HTTP/1.1, and HTTP/2 where a server offers that over TLS. Making one does no I/O;
/// sending needs a tokio runtime with time and I/O enabled. Redirects are not followed: see
/// [`follow_redirects`](crate::follow_redirects).
///
/// A request that was not begun to be written when the server closed a connection kept from
/// before is sent again on another; nothing else is ever sent twice.
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Connector,
    config: HttpClientBuilder,
    hosts: Mutex<Vec<Arc<Host>>>,
}

/// A request extension: the read time-out of this request instead of the client's. `None` waits
/// for ever, as befits a stream that is only listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadTimeout(pub Option<Duration>);

impl HttpClient {
    /// A client with the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build().expect("the default settings are valid")
    }

    /// Settings to make a client from.
    pub fn builder() -> HttpClientBuilder {
        HttpClientBuilder::new()
    }

    pub(crate) fn with(config: HttpClientBuilder, tls: Tls) -> Self {
        Self {
            inner: Arc::new(Inner {
                connector: Connector::new(&config, tls),
                config,
                hosts: Mutex::default(),
            }),
        }
    }

    /// Whether requests to `url` are possible at all: no I/O.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`](crate::ErrorKind::InvalidUrl), or
    /// [`TlsUnavailable`](crate::ErrorKind::TlsUnavailable) with the feature to enable.
    pub fn check(&self, url: &Uri) -> Result<(), Error> {
        Host::new(url, &self.inner.config)?;
        if url.scheme() == Some(&Scheme::HTTPS) {
            self.inner.connector.check_tls()?;
        }
        Ok(())
    }

    /// What its connections go over: TCP, or a Unix socket.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        self.inner.config.carrier()
    }

    /// Sends `request`, whose URL must be absolute, and resolves with the head of the response.
    ///
    /// The same as the [`Service`], without a box around the future.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or later the body, ends the request: an HTTP/1.1 connection is
    /// closed, an HTTP/2 stream reset.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). Whatever the status of the response, it is no error.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Response<ResponseBody>, Error> {
        let config = &self.inner.config;
        let read_timeout = match request.extensions_mut().remove::<ReadTimeout>() {
            Some(ReadTimeout(timeout)) => timeout,
            None => config.read_timeout,
        };
        let host = self.host(request.uri())?;
        if let Some(hook) = &config.hook {
            let headers = hook.headers(request.method(), request.uri(), config.connect_timeout);
            // Boxed, so that those without a hook have no room for its future.
            let mut headers = Box::pin(headers).await?;
            headers.values_mut().for_each(|value| value.set_sensitive(true));
            request.headers_mut().extend(headers);
        }
        add_missing(&config.default_headers, request.headers_mut());
        #[cfg(feature = "decompression")]
        let decompresses = config.decompression && decompress::ask(request.headers_mut());
        let body_len = request.body().len();
        let mut timer = IdleTimer::new(read_timeout);
        loop {
            let mut lease = match timer.race(host.checkout(&self.inner.connector)).await {
                Ok(lease) => lease?,
                Err(limit) => return Err(Error::read_timeout(limit).not_sent()),
            };
            match timer.race(lease.send(request)).await {
                Ok(Ok(response)) => {
                    if let Some(refusal) = lease.refusal(response.status()) {
                        return Err(refusal);
                    }
                    lease.state().quick_ack.on_response();
                    let is_early = is_early_answer(&lease, response.status(), body_len);
                    let (parts, incoming) = response.into_parts();
                    let body = ResponseBody::new(incoming, lease, timer, is_early);
                    #[cfg(feature = "decompression")]
                    if decompresses {
                        return Ok(decompress::response(parts, body));
                    }
                    return Ok(Response::from_parts(parts, body));
                }
                Ok(Err(mut error)) => {
                    let unsent = error.take_message();
                    let is_unsent = unsent.is_some();
                    match unsent {
                        Some(unsent) if lease.is_reused() => request = unsent,
                        _ => {
                            let error = Error::from_hyper(error.into_error(), Doing::Headers);
                            return Err(if is_unsent { error.not_sent() } else { error });
                        }
                    }
                }
                Err(limit) => return Err(Error::read_timeout(limit)),
            }
        }
    }

    fn host(&self, url: &Uri) -> Result<Arc<Host>, Error> {
        let mut hosts = self.inner.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.iter().find(|host| host.serves(url)) {
            return Ok(host.clone());
        }
        hosts.retain(|host| Arc::strong_count(host) > 1 || !host.is_unused());
        let host = Arc::new(Host::new(url, &self.inner.config)?);
        hosts.push(host.clone());
        Ok(host)
    }
}

/// Adds those of the `defaults` to `headers` of which there is none yet.
fn add_missing(defaults: &HeaderMap, headers: &mut HeaderMap) {
    for name in defaults.keys() {
        if !headers.contains_key(name) {
            for value in defaults.get_all(name) {
                headers.append(name, value.clone());
            }
        }
    }
}

/// Whether the server answered before it had read the request: it is about to close the
/// connection, or will take the rest of the request for the next one.
fn is_early_answer(lease: &Lease, status: StatusCode, body_len: usize) -> bool {
    let is_failure = status.is_client_error() || status.is_server_error();
    !lease.is_h2()
        && (lease.state().is_write_blocked()
            || status == StatusCode::PAYLOAD_TOO_LARGE
            || (is_failure && body_len >= LARGE_UPLOAD))
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

impl Service<Request<Body>> for HttpClient {
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        let client = self.clone();
        ResponseFuture(Box::pin(async move { client.send(request).await }))
    }
}

impl Service<Request<Body>> for &HttpClient {
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        let client = self.clone();
        ResponseFuture(Box::pin(async move { client.send(request).await }))
    }
}

/// The response that an [`HttpClient`] waits for, as a [`Service`]. Dropping it ends the request.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture(
    Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Error>> + Send>>,
);

impl Future for ResponseFuture {
    type Output = Result<Response<ResponseBody>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

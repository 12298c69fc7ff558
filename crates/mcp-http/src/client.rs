use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use mcp_transport::{Backoff, Carrier, util::Retries};
use tokio::time::sleep;
use tower_service::Service;

use crate::address::AddressPolicy;
use crate::body::Body;
use crate::connect::Connector;
#[cfg(feature = "decompression")]
use crate::decompress;
use crate::error::{Error, find};
use crate::hook::RequestHead;
use crate::pool::{Host, Lease, Unanswered};
use crate::received::Received;
use crate::response::ResponseBody;
use crate::secrets::SentSecrets;
use crate::settings::Settings;
use crate::timer::{IdleTimer, ReadTimeout};
use crate::tls::Tls;

/// Minimum body size for which an error response counts as sent before the server had read the whole request.
const LARGE_UPLOAD: usize = 64 * 1024;

/// Maximum number of servers with idle connections; those of the least recently used server are closed.
const MAX_HOSTS: usize = 256;
/// Maximum number of retries for a request that was certainly not processed.
const MAX_RESENDS: u32 = 12;

/// An HTTP client with a connection pool. Clones share it.
///
/// Uses HTTP/1.1, or with the feature `http2` HTTP/2 if the server supports it over TLS. Creating a client does no I/O; sending needs a tokio
/// runtime with time and I/O enabled. Redirects are not followed: see
/// [`follow_redirects`](crate::transport::follow_redirects).
///
/// A request that was certainly not processed is sent again on another connection: one of which no byte was written
/// when the server closed a reused connection, and over HTTP/2 one beyond the last stream of a `GOAWAY` or refused with
/// `REFUSED_STREAM`; the latter at most 12 times. No other request is sent twice.
///
/// A server has one HTTP/1.1 connection for each request in flight, or up to 16 HTTP/2 connections, as many as the
/// requests need streams; further requests wait. A connection is used in the tokio runtime in which it was opened, so a
/// client may be used from several runtimes.
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
    /// The read timeout for requests of this handle. Overrides the setting.
    read_timeout: Option<ReadTimeout>,
    /// Whether responses are read by a transport: see [`direct`](Self::direct).
    is_direct: bool,
}

struct Inner {
    connector: Arc<Connector>,
    settings: Settings,
    /// The most recently used first.
    hosts: Mutex<Vec<Arc<Host>>>,
}

impl HttpClient {
    pub(crate) fn with(settings: Settings, tls: Tls) -> Self {
        Self {
            inner: Arc::new(Inner {
                connector: Arc::new(Connector::new(&settings, tls)),
                settings,
                hosts: Mutex::default(),
            }),
            read_timeout: None,
            is_direct: false,
        }
    }

    /// A handle for requests of a transport with this read timeout. The secrets of a request are stored in the response
    /// body, where the transport reads them with [`SentSecrets::take`].
    pub(crate) fn direct(&self, read_timeout: Option<ReadTimeout>) -> Self {
        Self { inner: self.inner.clone(), read_timeout, is_direct: true }
    }

    /// A client for requests to other servers, such as an authorization server: same proxy, certificates, timeouts and
    /// pool settings; none of its headers except `User-Agent`, no hook, no client certificate, no Unix socket, and
    /// separate connections.
    ///
    /// Connects only to addresses that `policy` allows, both resolved from names and literal ones in URLs. Through a
    /// proxy, which resolves names itself, only literal addresses are checked.
    #[must_use]
    pub fn apart(&self, policy: AddressPolicy) -> Self {
        let settings = self.inner.settings.apart(policy);
        Self::with(settings, self.inner.connector.tls_apart())
    }

    /// Checks whether requests to `url` are possible. Does no I/O.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`](crate::ErrorKind::InvalidUrl), or
    /// [`TlsUnavailable`](crate::ErrorKind::TlsUnavailable) with the feature to enable.
    pub fn check(&self, url: &Uri) -> Result<(), Error> {
        Host::check(url, &self.inner.settings)?;
        if url.scheme() == Some(&Scheme::HTTPS) {
            self.inner.connector.check_tls()?;
        }
        Ok(())
    }

    /// The carrier of the connections: TCP or a Unix socket.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        self.inner.settings.carrier()
    }

    /// Sends `request`, whose URL must be absolute. Completes with the head of the response.
    ///
    /// The same as the [`Service`], without boxing the future.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or later the body, cancels the request: an HTTP/1.1 connection is closed, an HTTP/2 stream
    /// is reset.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). A response with any status is not an error.
    pub fn send(
        &self,
        mut request: Request<Body>,
    ) -> impl Future<Output = Result<Response<ResponseBody>, Error>> + Send + use<> {
        let client = self.clone();
        // Not an `async fn`: its future would reserve space for the request twice.
        async move { client.send_taken(&mut request).await }
    }

    /// Sends a request that is taken out of `request`, since a future reserves space for each argument twice.
    pub(crate) async fn send_taken(
        &self,
        request: &mut Request<Body>,
    ) -> Result<Response<ResponseBody>, Error> {
        let settings = &self.inner.settings;
        let own = request.extensions_mut().remove::<ReadTimeout>().or(self.read_timeout);
        let read_timeout = own.map_or(settings.read_timeout, |ReadTimeout(timeout)| timeout);
        let host = self.host(request.uri())?;
        if let Some(hook) = &settings.hook {
            let headers = hook.headers(RequestHead::of(request), settings.connect_timeout);
            // Boxed, so that requests without a hook reserve no space for its future.
            let mut headers = Box::pin(headers).await?;
            headers.values_mut().for_each(|value| value.set_sensitive(true));
            request.headers_mut().extend(headers);
        }
        add_missing(&settings.default_headers, request.headers_mut());
        #[cfg(feature = "decompression")]
        let decompresses = settings.decompression && decompress::ask(request.headers_mut());
        #[cfg(not(feature = "decompression"))]
        let decompresses = false;
        let body_len = request.body().len();
        let secrets = SentSecrets::of(request.headers());
        let mut timer = IdleTimer::new(read_timeout);
        let mut resends = None;
        loop {
            let lease = timer.race(pin!(host.checkout())).await;
            let lease = lease.map_err(|limit| Error::read_timeout(limit).not_sent())?;
            let mut lease = match lease {
                // Idle connections to other hosts may hold the missing file descriptors.
                Err(error) if resends.is_none() && is_out_of_files(&error) => {
                    resends = Some(resend_limit());
                    self.close_unused();
                    continue;
                }
                lease => lease?,
            };
            let sent = timer.race(pin!(lease.send(request))).await;
            match sent {
                Ok(Ok(response)) => {
                    if let Some(refusal) = lease.refusal(response.status()) {
                        return Err(refusal);
                    }
                    lease.state().quick_ack.on_response();
                    let is_early = is_early_answer(&lease, response.status(), body_len);
                    let (parts, incoming) = response.into_parts();
                    let received = Received::new(incoming, lease, timer, is_early);
                    let mut response = ResponseBody::respond(parts, received, decompresses);
                    match secrets {
                        None => {}
                        secrets if self.is_direct => response.body_mut().secrets = secrets,
                        Some(secrets) => _ = response.extensions_mut().insert(secrets),
                    }
                    return Ok(response);
                }
                Ok(Err(Unanswered { error, unsent })) => {
                    let Some(unsent) = unsent else { return Err(error) };
                    *request = unsent;
                    // Each connection that the server closed in the meantime is tried once.
                    if !lease.is_h2() {
                        continue;
                    }
                    drop(lease);
                    let resends = resends.get_or_insert_with(resend_limit);
                    let Some(delay) = resends.next_delay(None) else { return Err(error) };
                    tracing::debug!(%error, ?delay, "retrying a request that was not processed");
                    if !delay.is_zero() {
                        Box::pin(sleep(delay)).await;
                    }
                }
                Err(limit) if lease.waits_for_stream() => {
                    return Err(Error::read_timeout(limit).not_sent());
                }
                Err(limit) => return Err(Error::read_timeout(limit)),
            }
        }
    }

    fn host(&self, url: &Uri) -> Result<Arc<Host>, Error> {
        let mut forgotten = Vec::new();
        let mut hosts = self.inner.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = hosts.iter().position(|host| host.serves(url)) {
            if found > 0 {
                hosts[..=found].rotate_right(1);
            }
            return Ok(hosts[0].clone());
        }
        let host = Arc::new(Host::new(url, &self.inner.connector, &self.inner.settings)?);
        hosts.insert(0, host.clone());
        if hosts.len() > MAX_HOSTS {
            // Requests in flight keep their connections.
            forgotten = hosts.split_off(MAX_HOSTS);
        }
        drop(hosts);
        drop(forgotten);
        Ok(host)
    }

    /// Closes the idle connections.
    fn close_unused(&self) {
        let hosts = self.inner.hosts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        hosts.iter().for_each(|host| host.close_unused());
    }
}

/// The retry limit for requests that the server did not process.
fn resend_limit() -> Retries {
    let backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
    Retries::new(backoff.with_attempts(MAX_RESENDS)).eager()
}

/// Whether the process or the system has run out of file descriptors.
fn is_out_of_files(error: &Error) -> bool {
    // EMFILE and ENFILE, which have no `io::ErrorKind`.
    cfg!(unix)
        && find::<io::Error>(error)
            .is_some_and(|error| matches!(error.raw_os_error(), Some(23 | 24)))
}

/// Adds the `defaults` that `headers` lacks.
fn add_missing(defaults: &HeaderMap, headers: &mut HeaderMap) {
    if defaults.len() == defaults.keys_len() {
        for (name, value) in defaults {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        return;
    }
    for name in defaults.keys() {
        if !headers.contains_key(name) {
            for value in defaults.get_all(name) {
                headers.append(name, value.clone());
            }
        }
    }
}

/// Whether the server responded before it had read the request: it will close the connection, or read the rest of the
/// request as the next one.
fn is_early_answer(lease: &Lease, status: StatusCode, body_len: usize) -> bool {
    let is_failure = status.is_client_error() || status.is_server_error();
    !lease.is_h2()
        && (lease.state().is_write_blocked()
            || status == StatusCode::PAYLOAD_TOO_LARGE
            || (is_failure && body_len >= LARGE_UPLOAD))
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
        ResponseFuture(Box::pin(self.send(request)))
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
        ResponseFuture(Box::pin(self.send(request)))
    }
}

/// The future of the [`Service`] of an [`HttpClient`]. Dropping it cancels the request.
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

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::task::AbortHandle;

use crate::body::Body;
use crate::config::HttpClientBuilder;
use crate::connect::Connector;
use crate::error::{ConnectStep, Error, ErrorKind};
use crate::io::{ConnState, QuickAck};
use crate::proxy::{self, Route};

/// How often an HTTP/2 connection with open streams is asked whether it is alive.
const PING_INTERVAL: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The connections to one server.
///
/// An own pool rather than that of the legacy client of `hyper-util`, which costs 40 % more
/// instructions a request than a bare connection, cannot tell whether a request was still being
/// sent when its answer came, and shares no state between a connection and its responses.
#[derive(Debug)]
pub(crate) struct Host {
    scheme: Scheme,
    authority: Authority,
    /// Scheme and authority, for the connector.
    uri: Uri,
    header: HeaderValue,
    /// The authority without credentials.
    target: Authority,
    route: Route,
    max_idle: usize,
    idle_timeout: Duration,
    quick_ack: Arc<QuickAck>,
    connections: Mutex<Connections>,
    /// Held while connecting to a server that may share one connection among all requests.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Connections {
    /// The most recently used last.
    idle: VecDeque<Idle>,
    h2: Option<H2>,
    protocol: Option<Protocol>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

#[derive(Debug)]
struct Idle {
    h1: H1,
    state: Arc<ConnState>,
    since: Instant,
}

#[derive(Debug)]
struct H1 {
    sender: http1::SendRequest<Body>,
    task: AbortHandle,
}

/// Whoever holds the connection owns its task.
impl Drop for H1 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone, Debug)]
struct H2 {
    sender: http2::SendRequest<Body>,
    state: Arc<ConnState>,
}

/// The right to send one request on a connection, and to read the response.
#[derive(Debug)]
pub(crate) struct Lease {
    host: Arc<Host>,
    state: Arc<ConnState>,
    sender: Sender,
    is_reused: bool,
}

#[derive(Debug)]
enum Sender {
    H1(H1),
    H2(http2::SendRequest<Body>),
}

impl Host {
    pub(crate) fn new(url: &Uri, config: &HttpClientBuilder) -> Result<Self, Error> {
        let invalid = |why| Error::new(ErrorKind::InvalidUrl, why).not_sent();
        let (Some(scheme), Some(authority)) = (url.scheme(), url.authority()) else {
            return Err(invalid("the URL is not absolute"));
        };
        if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
            return Err(invalid("the scheme of the URL is neither http nor https"));
        }
        if authority.host().is_empty() {
            return Err(invalid("the URL has no host"));
        }
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(scheme.clone());
        parts.authority = Some(authority.clone());
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        let uri = Uri::from_parts(parts)
            .map_err(|error| invalid("the URL is not valid").with_source(error))?;
        let default_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
        let target = match authority.port_u16().filter(|port| *port != default_port) {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        };
        Ok(Self {
            scheme: scheme.clone(),
            authority: authority.clone(),
            route: config.route(&uri)?,
            uri,
            header: HeaderValue::try_from(&target)
                .map_err(|error| invalid("the host is not valid").with_source(error))?,
            target: Authority::try_from(target)
                .map_err(|error| invalid("the host is not valid").with_source(error))?,
            max_idle: config.max_idle_per_host,
            idle_timeout: config.pool_idle_timeout,
            quick_ack: Arc::default(),
            connections: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn serves(&self, url: &Uri) -> bool {
        url.authority() == Some(&self.authority) && url.scheme() == Some(&self.scheme)
    }

    fn origin(&self) -> (&Scheme, &Authority) {
        (&self.scheme, &self.target)
    }

    /// Whether there is nothing worth keeping.
    pub(crate) fn is_unused(&self) -> bool {
        let connections = self.lock();
        connections.idle.is_empty() && connections.h2.is_none()
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that is ready for a request: one that was used before, or else a new one.
    pub(crate) async fn checkout(self: &Arc<Self>, connector: &Connector) -> Result<Lease, Error> {
        if let Some(lease) = self.reuse().await {
            return Ok(lease);
        }
        let connecting = connector.within_timeout(&self.uri, &self.route, async {
            if self.scheme == Scheme::HTTPS && self.protocol() != Some(Protocol::Http1) {
                let guard = self.connecting.lock().await;
                if self.protocol() == Some(Protocol::Http1) {
                    // Nothing to share: all who waited connect at the same time.
                    drop(guard);
                    return self.connect(connector).await;
                }
                return match self.reuse().await {
                    Some(lease) => Ok(lease),
                    None => self.connect(connector).await,
                };
            }
            self.connect(connector).await
        });
        // Boxed, as the rare case is far larger than the common one.
        Box::pin(connecting).await
    }

    fn protocol(&self) -> Option<Protocol> {
        self.lock().protocol
    }

    async fn reuse(self: &Arc<Self>) -> Option<Lease> {
        loop {
            let (mut h1, state) = {
                let mut connections = self.lock();
                if let Some(h2) = &connections.h2 {
                    if !h2.sender.is_closed() {
                        let H2 { sender, state } = h2.clone();
                        return Some(self.lease(state, Sender::H2(sender), true));
                    }
                    connections.h2 = None;
                }
                let idle = connections.idle.pop_back()?;
                if idle.since.elapsed() > self.idle_timeout {
                    connections.idle.clear(); // the others are older
                    return None;
                }
                (idle.h1, idle.state)
            };
            // The end of the last response is known here before the connection has seen it.
            if h1.sender.ready().await.is_ok() {
                return Some(self.lease(state, Sender::H1(h1), true));
            }
        }
    }

    fn lease(self: &Arc<Self>, state: Arc<ConnState>, sender: Sender, is_reused: bool) -> Lease {
        Lease { host: self.clone(), state, sender, is_reused }
    }

    async fn connect(self: &Arc<Self>, connector: &Connector) -> Result<Lease, Error> {
        let connected = connector.connect(&self.uri, &self.route, self.quick_ack.clone()).await?;
        let io = TokioIo::new(connected.io);
        let state = connected.state;
        let failed = |error: hyper::Error| {
            Error::new(ErrorKind::Connect(ConnectStep::Other), "the connection broke at once")
                .with_source(error)
        };
        let sender = if connected.is_h2 {
            let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(PING_INTERVAL)
                .keep_alive_timeout(PING_TIMEOUT)
                .handshake(io)
                .await
                .map_err(failed)?;
            // Ends with the last sender and the last stream.
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "HTTP/2 connection ended");
                }
            });
            sender.ready().await.map_err(failed)?;
            let mut connections = self.lock();
            connections.protocol = Some(Protocol::Http2);
            connections.h2 = Some(H2 { sender: sender.clone(), state: state.clone() });
            Sender::H2(sender)
        } else {
            let (mut sender, connection) = http1::handshake(io).await.map_err(failed)?;
            let task = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "HTTP/1.1 connection ended");
                }
            });
            let task = task.abort_handle();
            sender.ready().await.map_err(failed)?;
            self.lock().protocol = Some(Protocol::Http1);
            Sender::H1(H1 { sender, task })
        };
        Ok(self.lease(state, sender, false))
    }
}

impl Lease {
    pub(crate) fn state(&self) -> &ConnState {
        &self.state
    }

    /// What to say of an answer that is not the server's, but of the proxy that asks it for us.
    pub(crate) fn refusal(&self, status: StatusCode) -> Option<Error> {
        match &self.host.route {
            Route::Forward(proxy) if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Some(proxy::failed(proxy.unauthorized()))
            }
            _ => None,
        }
    }

    pub(crate) fn is_h2(&self) -> bool {
        matches!(self.sender, Sender::H2(_))
    }

    /// Whether earlier requests went over this connection, so that the server may have closed it.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Sends `request`. What was not even begun to be written comes back in the error.
    pub(crate) async fn send(
        &mut self,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match &mut self.sender {
            Sender::H1(h1) => {
                let headers = request.headers_mut();
                if !headers.contains_key(HOST) {
                    headers.insert(HOST, self.host.header.clone());
                }
                if let Route::Forward(proxy) = &self.host.route {
                    if let Some(value) = proxy.authorization()
                        && !headers.contains_key(PROXY_AUTHORIZATION)
                    {
                        headers.insert(PROXY_AUTHORIZATION, value.clone());
                    }
                    retarget(request.uri_mut(), Some(self.host.origin()));
                } else {
                    retarget(request.uri_mut(), None);
                }
                h1.sender.try_send_request(request).await
            }
            Sender::H2(sender) => {
                retarget(request.uri_mut(), Some(self.host.origin()));
                sender.try_send_request(request).await
            }
        }
    }

    /// Gives the connection back for the next request. To be called when the response was read,
    /// or when nobody is to read on: then the connection either finds that only the end of it was
    /// missing, or closes.
    pub(crate) fn give_back(self) {
        let Sender::H1(h1) = self.sender else { return };
        let idle = Idle { h1, state: self.state, since: Instant::now() };
        let surplus = {
            let mut connections = self.host.lock();
            connections.idle.push_back(idle);
            (connections.idle.len() > self.host.max_idle)
                .then(|| connections.idle.pop_front())
                .flatten()
        };
        drop(surplus);
    }
}

/// Makes `uri` that of a request line: without the origin (HTTP/1.1), or with it (HTTP/2, and for
/// a proxy).
fn retarget(uri: &mut Uri, origin: Option<(&Scheme, &Authority)>) {
    if uri.authority() == origin.map(|(_, authority)| authority) {
        return;
    }
    let mut parts = mem::take(uri).into_parts();
    parts.scheme = origin.map(|(scheme, _)| scheme.clone());
    parts.authority = origin.map(|(_, authority)| authority.clone());
    *uri = Uri::from_parts(parts).expect("an absolute URL has a path");
}

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use mcp_transport::SingleFlight;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::body::Body;
use crate::connect::Connector;
use crate::error::{ConnectStep, Error, ErrorKind};
use crate::io::{ConnState, QuickAck};
use crate::proxy::{self, Route};
use crate::settings::Settings;

/// How often an HTTP/2 connection with open streams is pinged.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// How long the answer to a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The connections to one server.
///
/// It is not the pool of the legacy client of `hyper-util`, which costs 40 % more instructions a request
/// than a bare connection, does not show whether a request was still being sent when its response began,
/// and shares no state between a connection and its responses.
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
    /// One request connects to a server that may share one connection among all.
    connecting: SingleFlight<Result<(), Error>>,
}

#[derive(Debug, Default)]
struct Connections {
    /// The most recently used last.
    idle: VecDeque<Idle>,
    h2: Option<H2>,
    protocol: Option<Protocol>,
    /// Closes unused connections.
    sweeper: Option<AbortHandle>,
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

/// The holder of the connection owns its task.
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

/// A connection for one request and its response.
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

impl Drop for Connections {
    fn drop(&mut self) {
        if let Some(sweeper) = &self.sweeper {
            sweeper.abort();
        }
    }
}

impl Host {
    pub(crate) fn new(url: &Uri, settings: &Settings) -> Result<Self, Error> {
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
            route: settings.route(&uri)?,
            uri,
            header: HeaderValue::try_from(&target)
                .map_err(|error| invalid("the host is not valid").with_source(error))?,
            target: Authority::try_from(target)
                .map_err(|error| invalid("the host is not valid").with_source(error))?,
            max_idle: settings.max_idle_per_host,
            idle_timeout: settings.pool_idle_timeout,
            quick_ack: Arc::default(),
            connections: Mutex::default(),
            connecting: SingleFlight::new(),
        })
    }

    pub(crate) fn serves(&self, url: &Uri) -> bool {
        url.authority() == Some(&self.authority) && url.scheme() == Some(&self.scheme)
    }

    /// Completes the head of a request of HTTP/1.1.
    fn prepare(&self, request: &mut Request<Body>) {
        let headers = request.headers_mut();
        if !headers.contains_key(HOST) {
            headers.insert(HOST, self.header.clone());
        }
        let Route::Forward(proxy) = &self.route else { return retarget(request.uri_mut(), None) };
        if let Some(value) = proxy.authorization()
            && !headers.contains_key(PROXY_AUTHORIZATION)
        {
            headers.insert(PROXY_AUTHORIZATION, value.clone());
        }
        retarget(request.uri_mut(), Some(self.origin()));
    }

    fn origin(&self) -> (&Scheme, &Authority) {
        (&self.scheme, &self.target)
    }

    /// Whether there is no connection.
    pub(crate) fn is_unused(&self) -> bool {
        let connections = self.lock();
        connections.idle.is_empty() && connections.h2.is_none()
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that is ready for a request: a reused one, or else a new one.
    pub(crate) async fn checkout(self: &Arc<Self>, connector: &Connector) -> Result<Lease, Error> {
        if let Some(lease) = self.reuse().await {
            return Ok(lease);
        }
        let connecting = connector.within_timeout(&self.uri, &self.route, async {
            match self.may_be_shared() {
                true => self.connect_once(connector).await,
                false => self.connect(connector).await,
            }
        });
        // Boxed, as the rare case is far larger than the common one.
        Box::pin(connecting).await
    }

    /// Whether one connection may serve all requests at a time.
    fn may_be_shared(&self) -> bool {
        self.scheme == Scheme::HTTPS && self.lock().protocol != Some(Protocol::Http1)
    }

    /// Connects, for all who need a connection at the same time: they share it if it turns out to be
    /// HTTP/2.
    async fn connect_once(self: &Arc<Self>, connector: &Connector) -> Result<Lease, Error> {
        let mut lease = None;
        let own = &mut lease;
        let connecting = self.connecting.run(move || async move {
            *own = Some(match self.reuse().await {
                Some(lease) => lease,
                None => self.connect(connector).await?,
            });
            Ok(())
        });
        let connected = connecting.await;
        if let Some(lease) = lease {
            return Ok(lease);
        }
        connected?;
        match self.reuse().await {
            Some(lease) => Ok(lease),
            // There is nothing to share: all who waited connect at the same time.
            None => self.connect(connector).await,
        }
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
            // The end of the last response may not have reached the connection yet.
            if h1.sender.ready().await.is_ok() {
                return Some(self.lease(state, Sender::H1(h1), true));
            }
        }
    }

    fn lease(self: &Arc<Self>, state: Arc<ConnState>, sender: Sender, is_reused: bool) -> Lease {
        Lease { host: self.clone(), state, sender, is_reused }
    }

    /// Closes the connections that were unused for too long; when to look again, if others are left.
    fn close_expired(&self) -> Option<Instant> {
        let mut expired = Vec::new();
        let mut connections = self.lock();
        while let Some(oldest) = connections.idle.front() {
            // Too far off to be a point in time.
            let end = oldest.since.checked_add(self.idle_timeout)?;
            if end > Instant::now() {
                return Some(end);
            }
            expired.extend(connections.idle.pop_front());
        }
        connections.sweeper = None;
        drop(connections);
        None
    }

    /// Has unused connections closed in time, by a task that ends when there are none. Without a runtime
    /// they are closed later, when a request looks for one.
    fn start_sweeper(self: &Arc<Self>, connections: &mut Connections) {
        let runs = connections.sweeper.as_ref().is_some_and(|sweeper| !sweeper.is_finished());
        if runs || connections.idle.is_empty() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let host = Arc::downgrade(self);
        let sweeper = runtime.spawn(async move {
            let next = || Weak::upgrade(&host)?.close_expired();
            while let Some(next) = next() {
                sleep_until(next).await;
            }
        });
        connections.sweeper = Some(sweeper.abort_handle());
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

    /// The error for a response that is not the server's, but that of the proxy which forwards to it.
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

    /// Whether earlier requests used this connection, so that the server may have closed it.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Sends a request. One of which nothing was written comes back in the error.
    ///
    /// It is taken out of `request`, since a future has room for each argument twice.
    pub(crate) async fn send(
        &mut self,
        request: &mut Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match &mut self.sender {
            Sender::H1(h1) => {
                self.host.prepare(request);
                h1.sender.try_send_request(mem::take(request)).await
            }
            Sender::H2(sender) => {
                retarget(request.uri_mut(), Some(self.host.origin()));
                sender.try_send_request(mem::take(request)).await
            }
        }
    }

    /// Returns the connection to the pool. To be called when the response was read to its end, or is not
    /// read further: then the connection either finds that only its end was missing, or closes.
    pub(crate) fn give_back(self) {
        let Sender::H1(h1) = self.sender else { return };
        let idle = Idle { h1, state: self.state, since: Instant::now() };
        let surplus = {
            let mut connections = self.host.lock();
            connections.idle.push_back(idle);
            let surplus = (connections.idle.len() > self.host.max_idle)
                .then(|| connections.idle.pop_front())
                .flatten();
            self.host.start_sweeper(&mut connections);
            surplus
        };
        drop(surplus);
    }
}

/// Turns `uri` into that of a request line: without the origin (HTTP/1.1), or with it (HTTP/2, and for
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

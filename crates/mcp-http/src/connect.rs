use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::address::{AddressPolicy, Forbidden};
use crate::error::{ConnectStep, Error, ErrorKind, Wait, find};
use crate::io::{Conn, ConnState, QuickAck, Stream};
use crate::proxy::{self, ProxyServer, Route};
use crate::settings::Settings;
use crate::socket::Socket;
use crate::tls::Tls;

/// Interval of TCP keep-alive probes, to detect dead connections.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Delay before retrying a Unix socket whose queue is full.
#[cfg(unix)]
const UNIX_RETRY: Duration = Duration::from_millis(10);

/// Opens connections: DNS lookup, TCP to the first address that responds, proxy, TLS.
#[derive(Debug)]
pub(crate) struct Connector {
    tcp: HttpConnector<Resolver>,
    tls: Tls,
    timeout: Duration,
    write_timeout: Duration,
    addresses: AddressPolicy,
    #[cfg(feature = "_simulation")]
    dial: Option<crate::simulation::Dial>,
}

/// A new connection.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) io: Conn,
    pub(crate) state: Arc<ConnState>,
    pub(crate) is_h2: bool,
}

impl Connector {
    pub(crate) fn new(settings: &Settings, tls: Tls) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver {
            system: GaiResolver::new(),
            addresses: settings.addresses,
        });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_keepalive_interval(Some(KEEP_ALIVE / 4));
        // Divided among the addresses of a host, so that a dead one leaves time for the next.
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        Self {
            tcp,
            tls,
            timeout: settings.connect_timeout,
            write_timeout: settings.write_timeout,
            addresses: settings.addresses,
            #[cfg(feature = "_simulation")]
            dial: settings.dial.clone(),
        }
    }

    pub(crate) fn tls_apart(&self) -> Tls {
        self.tls.without_identity()
    }

    pub(crate) fn check_tls(&self) -> Result<(), Error> {
        #[cfg(feature = "_simulation")]
        if self.dial.is_some() {
            return Ok(());
        }
        self.tls.check()
    }

    /// Runs `connecting` to `server` by way of `route` within the time limit.
    pub(crate) async fn within_timeout<T>(
        &self,
        server: &Uri,
        route: &Route,
        connecting: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.timeout, connecting).await {
            Ok(result) => result.map_err(Error::not_sent),
            Err(_) => Err(timed_out(server, route, self.timeout)),
        }
    }

    /// Connects to the host and port of `server` by way of `route`.
    pub(crate) async fn connect(
        &self,
        server: &Uri,
        route: &Route,
        quick_ack: Arc<QuickAck>,
    ) -> Result<Connected, Error> {
        #[cfg(feature = "_simulation")]
        if let Some(dial) = &self.dial {
            let opened = dial.open().await.map_err(|error| self.failed(server, error))?;
            let state = Arc::new(ConnState::new(quick_ack));
            let socket = Socket::Simulated(opened.stream);
            let stream = Stream::new(socket, state.clone(), self.write_timeout);
            return Ok(Connected { io: Conn::Plain(stream), state, is_h2: opened.is_http2 });
        }
        let is_secure = server.scheme() == Some(&http::uri::Scheme::HTTPS);
        if is_secure {
            self.tls.check()?;
        }
        self.addresses.check_literal(server)?;
        let socket = self.open(server, route).await.map_err(|error| {
            let hint = proxy::exemption_hint(server).filter(|_| route.has_proxy());
            hint.into_iter().fold(error, |error, hint| error.amended(&hint))
        })?;
        let state = Arc::new(ConnState::new(quick_ack));
        let stream = Stream::new(socket, state.clone(), self.write_timeout);
        #[cfg(feature = "_tls")]
        if is_secure {
            let stream = self.tls.handshake(server, stream).await?;
            let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let io = Conn::Tls(Box::new(stream));
            return Ok(Connected { io, state, is_h2 });
        }
        Ok(Connected { io: Conn::Plain(stream), state, is_h2: false })
    }

    async fn open(&self, server: &Uri, route: &Route) -> Result<Socket, Error> {
        Ok(Socket::Tcp(match route {
            Route::Direct => {
                let stream = self.tcp.clone().call(server.clone()).await;
                stream.map_err(|error| self.failed(server, error))?.into_inner()
            }
            Route::Forward(proxy) => self.reach(server, route, proxy).await?,
            Route::Tunnel(proxy) => {
                let stream = self.reach(server, route, proxy).await?;
                proxy::open_tunnel(proxy, stream, server).await?
            }
            Route::Socks(proxy) => {
                let stream = self.reach(server, route, proxy).await?;
                proxy::open_socks(proxy, stream, server).await?
            }
            #[cfg(unix)]
            Route::Unix(path) => {
                let stream = connect_unix(path).await.map_err(|error| {
                    let message = format!("cannot connect to the socket {}", path.display());
                    Error::new(ErrorKind::Connect(step(&error)), message).with_source(error)
                })?;
                return Ok(Socket::Unix(stream));
            }
        }))
    }

    /// Connects to `proxy` itself.
    async fn reach(
        &self,
        server: &Uri,
        route: &Route,
        proxy: &ProxyServer,
    ) -> Result<TcpStream, Error> {
        match self.tcp.clone().call(proxy.uri().clone()).await {
            Ok(stream) => Ok(stream.into_inner()),
            Err(error) if is_timeout(&error) => Err(timed_out(server, route, self.timeout)),
            Err(error) => {
                Err(proxy::failed(format!("cannot connect to the proxy {proxy}"))
                    .with_source(error))
            }
        }
    }

    fn failed(&self, server: &Uri, error: impl StdError + Send + Sync + 'static) -> Error {
        if is_timeout(&error) {
            return timed_out(server, &Route::Direct, self.timeout);
        }
        let kind = ErrorKind::Connect(step(&error));
        Error::connecting(kind, "cannot connect", server, "").with_source(error)
    }
}

/// Connects to a socket. Retries while its queue is full, as TCP does by itself.
#[cfg(unix)]
async fn connect_unix(path: &std::path::Path) -> io::Result<tokio::net::UnixStream> {
    loop {
        match tokio::net::UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(UNIX_RETRY).await;
            }
            connected => return connected,
        }
    }
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    find::<LookUpFailed>(error).is_none()
        && find::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

fn step(error: &(dyn StdError + 'static)) -> ConnectStep {
    match find::<io::Error>(error).map(io::Error::kind) {
        _ if find::<Forbidden>(error).is_some() => ConnectStep::Forbidden,
        _ if find::<LookUpFailed>(error).is_some() => ConnectStep::Dns,
        // A socket without a file is like a port without a listener.
        Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => ConnectStep::Refused,
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            ConnectStep::Unreachable
        }
        _ => ConnectStep::Other,
    }
}

fn timed_out(server: &Uri, route: &Route, limit: Duration) -> Error {
    let how = format!("{route} within {limit:?}");
    Error::connecting(ErrorKind::Timeout(Wait::Connect), "no connection", server, &how).not_sent()
}

/// The system's resolver. Its errors are distinguishable from connect errors, and it removes addresses that are not
/// allowed.
#[derive(Clone, Debug)]
struct Resolver {
    system: GaiResolver,
    addresses: AddressPolicy,
}

impl Service<Name> for Resolver {
    type Response = Addresses;
    type Error = LookUpFailed;
    type Future = Pin<Box<dyn Future<Output = Result<Addresses, LookUpFailed>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LookUpFailed>> {
        self.system.poll_ready(cx).map_err(|error| LookUpFailed(error.into()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let look_up = self.system.call(name);
        let policy = self.addresses;
        Box::pin(async move {
            let found = look_up.await.map_err(|error| LookUpFailed(error.into()))?;
            if policy == AddressPolicy::Any {
                return Ok(Addresses::All(found));
            }
            let found: Vec<_> = found.collect();
            let allowed: Vec<_> =
                found.iter().copied().filter(|address| policy.allows(address.ip())).collect();
            match found.first() {
                Some(address) if allowed.is_empty() => {
                    Err(LookUpFailed(Forbidden(address.ip()).into()))
                }
                _ => Ok(Addresses::Allowed(allowed.into_iter())),
            }
        })
    }
}

enum Addresses {
    All(GaiAddrs),
    Allowed(std::vec::IntoIter<SocketAddr>),
}

impl Iterator for Addresses {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match self {
            Self::All(addresses) => addresses.next(),
            Self::Allowed(addresses) => addresses.next(),
        }
    }
}

#[derive(Debug)]
struct LookUpFailed(Box<dyn StdError + Send + Sync>);

impl fmt::Display for LookUpFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host name was not found")
    }
}

impl StdError for LookUpFailed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

mod connect;
mod exceptions;
mod server;
mod socks;

use std::fmt;
use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;

use crate::error::{ConnectStep, Error, ErrorKind};
use crate::url::host_and_port;
pub(crate) use connect::open_tunnel;
use exceptions::Exceptions;
use server::Kind;
pub(crate) use server::ProxyServer;
pub(crate) use socks::open_socks;

/// The proxies through which a client reaches its servers, and the servers that it reaches directly.
///
/// The URL of a proxy may have credentials. `http://` is an HTTP proxy, also where the scheme is missing:
/// requests to `https` servers go through a tunnel (`CONNECT`), those to `http` servers are forwarded
/// with all their headers. `socks5://` is a SOCKS5 proxy for which names are looked up here,
/// `socks5h://` one that looks them up itself. Default port: 80 for HTTP, 1080 for SOCKS5. A proxy is
/// reached over TCP without TLS.
///
/// Neither `Debug` nor an error shows the credentials.
///
/// ```
/// # fn main() -> Result<(), mcp_http::Error> {
/// use mcp_http::{HttpClient, Proxy};
///
/// let proxy = Proxy::http("http://user:secret@proxy:3128")?.no_proxy("localhost, 10.0.0.0/8");
/// let client = HttpClient::builder().proxy(proxy).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Proxy {
    http: Option<Choice>,
    https: Option<Choice>,
    exceptions: Exceptions,
}

/// A proxy, or why it cannot be used.
type Choice = Result<Arc<ProxyServer>, Arc<str>>;

impl Proxy {
    /// An HTTP proxy for all servers.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`](ErrorKind::InvalidUrl) if `url` is not that of an HTTP proxy.
    pub fn http(url: impl AsRef<str>) -> Result<Self, Error> {
        Self::of(ProxyServer::parse(url.as_ref())?, "an HTTP", |kind| kind == Kind::Http)
    }

    /// A SOCKS5 proxy for all servers.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`](ErrorKind::InvalidUrl) if `url` is not that of a SOCKS5 proxy.
    pub fn socks5(url: impl AsRef<str>) -> Result<Self, Error> {
        Self::of(ProxyServer::parse(url.as_ref())?, "a SOCKS5", |kind| kind != Kind::Http)
    }

    /// A proxy for all servers, of the kind of the scheme of its URL.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`](ErrorKind::InvalidUrl) if `url` is not that of a proxy.
    pub fn all(url: impl AsRef<str>) -> Result<Self, Error> {
        Self::of(ProxyServer::parse(url.as_ref())?, "a", |_| true)
    }

    /// The proxies of the environment variables of the process: the default of a client.
    ///
    /// `HTTP_PROXY` and `HTTPS_PROXY` are the proxies for `http` and `https` servers, `ALL_PROXY` is for
    /// both where they are not set; `NO_PROXY` lists the servers that are reached directly, as
    /// [`no_proxy`](Self::no_proxy) describes. The lower-case names are read first. In a CGI program
    /// (`REQUEST_METHOD` is set) `HTTP_PROXY` is not read, as a request could set it.
    ///
    /// Servers of this machine are no exception: `localhost` has to be in `NO_PROXY` like any other. A
    /// value that is not valid fails the requests that it concerns, rather than sending them without a
    /// proxy that they may need.
    pub fn from_env() -> Self {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// The proxies of the variables that `read` returns, as [`from_env`](Self::from_env) has them.
    pub fn from_vars(read: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            let set = |name| read(name).filter(|value: &String| !value.trim().is_empty());
            names.iter().find_map(|name| Some((*name, set(name)?)))
        };
        let choice = |names: &[&'static str]| {
            let (name, url) = first(names)?;
            Some(ProxyServer::parse(&url).map(Arc::new).map_err(|error| {
                Arc::from(format!("the proxy in the variable {name} cannot be used: {error}"))
            }))
        };
        let is_cgi = read("REQUEST_METHOD").is_some();
        let http: &[_] = if is_cgi { &["http_proxy"] } else { &["http_proxy", "HTTP_PROXY"] };
        let all = choice(&["all_proxy", "ALL_PROXY"]);
        let exceptions = first(&["no_proxy", "NO_PROXY"]).map(|(_, list)| list).unwrap_or_default();
        Self {
            http: choice(http).or_else(|| all.clone()),
            https: choice(&["https_proxy", "HTTPS_PROXY"]).or(all),
            exceptions: Exceptions::parse(&exceptions),
        }
    }

    /// Sets the servers to reach without a proxy: a list of entries, separated by commas or blanks.
    ///
    /// `example.com` and `.example.com` match that host and all below it, `10.1.2.3`, `10.0.0.0/8` and
    /// `fe80::/10` match URLs with such an address (names are not looked up), and so do `127.` and
    /// `127.0.0.*`; `*` matches everything.
    /// With a port (`host:8080`, `[::1]:8080`) an entry matches that port alone.
    pub fn no_proxy(mut self, list: impl AsRef<str>) -> Self {
        self.exceptions = Exceptions::parse(list.as_ref());
        self
    }

    fn of(
        server: ProxyServer,
        wanted: &str,
        is_wanted: impl Fn(Kind) -> bool,
    ) -> Result<Self, Error> {
        if !is_wanted(server.kind()) {
            let message = format!("{server} is not {wanted} proxy");
            return Err(Error::new(ErrorKind::InvalidUrl, message).not_sent());
        }
        let choice = Some(Ok(Arc::new(server)));
        Ok(Self { http: choice.clone(), https: choice, exceptions: Exceptions::default() })
    }

    /// The way to `server`, an absolute URL.
    pub(crate) fn route(&self, server: &Uri) -> Result<Route, Error> {
        let is_secure = server.scheme() == Some(&Scheme::HTTPS);
        let choice = if is_secure { &self.https } else { &self.http };
        let Some(choice) = choice else { return Ok(Route::Direct) };
        if self.exceptions.contain(server) {
            return Ok(Route::Direct);
        }
        let proxy = choice.clone().map_err(|why| {
            Error::new(ErrorKind::Connect(ConnectStep::Proxy), why.to_string()).not_sent()
        })?;
        Ok(match (proxy.kind(), is_secure) {
            (Kind::Http, true) => Route::Tunnel(proxy),
            (Kind::Http, false) => Route::Forward(proxy),
            (Kind::Socks5 { .. }, _) => Route::Socks(proxy),
        })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("http", &self.http)
            .field("https", &self.https)
            .field("no_proxy", &self.exceptions)
            .finish()
    }
}

/// How connections to a server are opened.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    Direct,
    /// An HTTP proxy forwards the requests.
    Forward(Arc<ProxyServer>),
    /// An HTTP proxy forwards bytes.
    Tunnel(Arc<ProxyServer>),
    Socks(Arc<ProxyServer>),
    #[cfg(unix)]
    Unix(Arc<std::path::Path>),
}

impl Route {
    /// Whether the way leads through a proxy.
    pub(crate) fn has_proxy(&self) -> bool {
        matches!(self, Self::Forward(_) | Self::Tunnel(_) | Self::Socks(_))
    }
}

/// To be appended to the name of a server in an error.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => Ok(()),
            Self::Forward(proxy) | Self::Tunnel(proxy) | Self::Socks(proxy) => {
                write!(f, " through the proxy {proxy}")
            }
            #[cfg(unix)]
            Self::Unix(path) => write!(f, " at the socket {}", path.display()),
        }
    }
}

/// What to write where a server of this machine, or of its network, cannot be reached through a proxy.
pub(crate) fn exemption_hint(server: &Uri) -> Option<String> {
    let (host, _) = host_and_port(server);
    let is_near = match host.parse() {
        Ok(std::net::IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(std::net::IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => host.eq_ignore_ascii_case("localhost") || !host.contains('.'),
    };
    is_near.then(|| format!("add {host} to NO_PROXY to reach it directly"))
}

/// A failure of the proxy, before a byte of a request was sent.
pub(crate) fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Connect(ConnectStep::Proxy), message.into()).not_sent()
}

#[cfg(test)]
mod tests;

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

/// Proxy settings of a client, with exceptions for direct connections.
///
/// The URL of a proxy may contain credentials. `http://` (also without a scheme) is an HTTP proxy: requests to `https`
/// servers use a tunnel (`CONNECT`), those to `http` servers are forwarded with all their headers. `socks5://` is a
/// SOCKS5 proxy with local DNS lookup, `socks5h://` one that resolves names itself. Default port: 80 for HTTP, 1080 for
/// SOCKS5. The connection to the proxy is TCP without TLS.
///
/// `Debug` and errors redact the credentials.
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

/// A proxy, or the error of its configuration.
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

    /// A proxy for all servers, whose kind is determined by the scheme of its URL.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`](ErrorKind::InvalidUrl) if `url` is not a proxy URL.
    pub fn all(url: impl AsRef<str>) -> Result<Self, Error> {
        Self::of(ProxyServer::parse(url.as_ref())?, "a", |_| true)
    }

    /// The proxies from environment variables of the process. Default of a client.
    ///
    /// `HTTP_PROXY` and `HTTPS_PROXY` are used for `http` and `https` servers, `ALL_PROXY` for both if those are not
    /// set; `NO_PROXY` lists the servers that are reached directly, in the format of [`no_proxy`](Self::no_proxy). The
    /// lower-case names take precedence. In a CGI program (`REQUEST_METHOD` is set) `HTTP_PROXY` is ignored, since a
    /// request could set it.
    ///
    /// There is no implicit exception for local servers: `localhost` must be in `NO_PROXY`. An invalid value fails the
    /// affected requests, instead of sending them without the required proxy.
    pub fn from_env() -> Self {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// The proxies from the variables returned by `read`, as in [`from_env`](Self::from_env).
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

    /// Sets the servers reached without a proxy: a list of entries separated by commas or spaces.
    ///
    /// `example.com` and `.example.com` match that host and its subdomains. `10.1.2.3`, `10.0.0.0/8` and `fe80::/10`
    /// match URLs with such a literal address (names are not resolved), and so do `127.` and `127.0.0.*`. `*` matches
    /// everything. With a port (`host:8080`, `[::1]:8080`) an entry matches only that port.
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

    /// The route to `server`, an absolute URL.
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
    /// Whether the route uses a proxy.
    pub(crate) fn has_proxy(&self) -> bool {
        matches!(self, Self::Forward(_) | Self::Tunnel(_) | Self::Socks(_))
    }
}

/// Appended to the name of a server in an error.
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

/// A hint for a local server that cannot be reached through a proxy.
pub(crate) fn exemption_hint(server: &Uri) -> Option<String> {
    let (host, _) = host_and_port(server);
    let is_near = match host.parse() {
        Ok(std::net::IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(std::net::IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => host.eq_ignore_ascii_case("localhost") || !host.contains('.'),
    };
    is_near.then(|| format!("add {host} to NO_PROXY to reach it directly"))
}

/// A failure of the proxy before any byte of the request was sent.
pub(crate) fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Connect(ConnectStep::Proxy), message.into()).not_sent()
}

#[cfg(test)]
mod tests;

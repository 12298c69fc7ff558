use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Uri};
use mcp_transport::Carrier;

use crate::client::HttpClient;
use crate::error::{Error, ErrorKind};
use crate::hook::{Hook, RequestHead};
use crate::proxy::{Proxy, Route};
use crate::tls::{Tls, TlsSettings};

const DEFAULT_USER_AGENT: &str = concat!("mcp-http/", env!("CARGO_PKG_VERSION"));

/// Settings of an [`HttpClient`].
///
/// `Debug` shows neither keys nor the values of headers nor the credentials for a proxy.
///
/// ```
/// # fn main() -> Result<(), mcp_http::Error> {
/// use std::time::Duration;
///
/// let client = mcp_http::HttpClient::builder()
///     .connect_timeout(Duration::from_secs(5))
///     .user_agent("sloth/1.0")
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct HttpClientBuilder {
    pub(crate) connect_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) pool_idle_timeout: Duration,
    pub(crate) max_idle_per_host: usize,
    pub(crate) default_headers: HeaderMap,
    pub(crate) hook: Option<Hook>,
    #[cfg(feature = "decompression")]
    pub(crate) decompression: bool,
    http1_only: bool,
    proxy: Proxy,
    #[cfg(unix)]
    unix_socket: Option<std::sync::Arc<std::path::Path>>,
    tls: TlsSettings,
    is_user_agent_wrong: bool,
}

impl HttpClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            connect_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            read_timeout: Some(Duration::from_secs(300)),
            pool_idle_timeout: Duration::from_secs(90),
            max_idle_per_host: 128,
            default_headers: HeaderMap::from_iter([(
                USER_AGENT,
                HeaderValue::from_static(DEFAULT_USER_AGENT),
            )]),
            hook: None,
            #[cfg(feature = "decompression")]
            decompression: false,
            http1_only: false,
            proxy: Proxy::from_env(),
            #[cfg(unix)]
            unix_socket: None,
            tls: TlsSettings::default(),
            is_user_agent_wrong: false,
        }
    }

    /// How long making a connection may take: name look-up, TCP, the proxy and TLS together. The
    /// hook of [`on_request`](Self::on_request) may take as long. 30 s unless told.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the server may take no byte of what is being written to it. A slow upload that
    /// goes on is no failure. It counts for the connection, so of HTTP/2 it does not see a single
    /// stream that stalls; the read time-out does. 30 s unless told.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// How long to wait for the response to begin, counted from the call, and for each next part
    /// of it. 300 s unless told; `None` waits for ever. A request can have its own, see
    /// [`ReadTimeout`](crate::ReadTimeout).
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.read_timeout = timeout.into();
        self
    }

    /// How long an unused connection is fit to be used again. 90 s unless told. It is closed when
    /// it is next looked at, when the server closes it, or with the client.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool_idle_timeout = timeout;
        self
    }

    /// How many unused HTTP/1.1 connections are kept for each server; the oldest goes first. 128
    /// unless told; 0 makes a new connection for every request.
    pub fn max_idle_per_host(mut self, max: usize) -> Self {
        self.max_idle_per_host = max;
        self
    }

    /// Whether to speak HTTP/1.1 also where the server offers HTTP/2. Off unless told.
    pub fn http1_only(mut self, only: bool) -> Self {
        self.http1_only = only;
        self
    }

    /// The value of `User-Agent` in requests that have none. `mcp-http/` and the version of this
    /// crate unless told; with an empty one none is sent.
    pub fn user_agent(mut self, value: impl AsRef<str>) -> Self {
        let value = HeaderValue::from_str(value.as_ref());
        self.is_user_agent_wrong = value.is_err();
        match value {
            Ok(value) if !value.is_empty() => self.default_headers.insert(USER_AGENT, value),
            _ => self.default_headers.remove(USER_AGENT),
        };
        self
    }

    /// Headers for requests that have none of the same name. They add to those told before, and
    /// replace the ones of the same name.
    ///
    /// Every request of the client has them, whatever server it goes to: what is secret belongs to
    /// a client that is for one server alone. A redirect to another origin is never followed (see
    /// [`follow_redirects`](crate::follow_redirects)), so it gets none of them.
    pub fn default_headers(mut self, mut headers: HeaderMap) -> Self {
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        self.default_headers.extend(headers);
        self
    }

    /// Calls `hook` before each request is sent, and sends the headers that it gives, in place of
    /// those of the same name: for tokens that change. It replaces one told before.
    ///
    /// It is called once for a request, also if that has to be sent again on another connection;
    /// each redirect is a request of its own. What it awaits holds up this request alone, for at
    /// most the [connect time-out](Self::connect_timeout). If it gives an error or takes longer,
    /// the request fails without being sent, with the kind [`Hook`](ErrorKind::Hook), or
    /// [`Timeout`](ErrorKind::Timeout).
    ///
    /// ```
    /// # fn main() -> Result<(), mcp_http::Error> {
    /// # async fn fresh_token() -> std::io::Result<String> { Ok("t".into()) }
    /// use http::{HeaderMap, HeaderValue, header};
    ///
    /// let client = mcp_http::HttpClient::builder()
    ///     .on_request(|_request| async {
    ///         let value = format!("Bearer {}", fresh_token().await?);
    ///         let value = HeaderValue::try_from(value)?;
    ///         let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
    ///         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(headers)
    ///     })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_request<F, R, E>(mut self, hook: F) -> Self
    where
        F: Fn(RequestHead) -> R + Send + Sync + 'static,
        R: Future<Output = Result<HeaderMap, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.hook = Some(Hook::new(hook));
        self
    }

    /// Whether to ask for compressed responses (gzip, brotli) and decompress them as they come in,
    /// event by event. Off unless told.
    ///
    /// Limits of size count what comes out. A response that was decompressed has neither
    /// `Content-Encoding` nor `Content-Length`. A request with an `Accept-Encoding` of its own is
    /// left alone, and so is its response.
    #[cfg(feature = "decompression")]
    pub fn decompression(mut self, on: bool) -> Self {
        self.decompression = on;
        self
    }

    /// Reaches servers through `proxy`, instead of what the environment says (see
    /// [`Proxy::from_env`]).
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// Reaches servers without a proxy, whatever the environment says.
    pub fn no_proxy(self) -> Self {
        self.proxy(Proxy::default())
    }

    /// Connects to the Unix socket at `path`, whatever server a request is for and without a
    /// proxy. The URL still says whether TLS is spoken and what stands in `Host`.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.unix_socket = Some(path.into().into());
        self
    }

    /// Trusts the certificates in `pem` as well, such as those of a company's own authority.
    pub fn extra_root_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.extra_roots.push(pem.into());
        self
    }

    /// Shows a certificate to servers that ask for one: its chain, our own first, and the private
    /// key, all in PEM. It replaces one told before.
    pub fn client_certificate(
        mut self,
        chain_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.identity = Some((chain_pem.into(), key_pem.into()));
        self
    }

    /// Whether to take any certificate of a server for valid: expired, of another host, made by
    /// anyone. Off unless told.
    ///
    /// **It is as good as no TLS**: whoever is on the way to the server can read and change
    /// everything, tokens included. It is for tests; to trust a server with a certificate of its
    /// own, use [`extra_root_pem`](Self::extra_root_pem). A warning is logged when the client is
    /// made.
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.tls.accept_invalid = accept;
        self
    }

    /// Makes the client. Neither connects nor needs a runtime.
    ///
    /// # Errors
    ///
    /// A certificate, key or user agent given is none ([`Other`](ErrorKind::Other)), or this build
    /// has no TLS to use it with ([`TlsUnavailable`](ErrorKind::TlsUnavailable)).
    pub fn build(mut self) -> Result<HttpClient, Error> {
        if self.is_user_agent_wrong {
            return Err(Error::new(ErrorKind::Other, "the user agent cannot be sent in a header"));
        }
        let tls = Tls::new(&std::mem::take(&mut self.tls), self.http1_only)?;
        Ok(HttpClient::with(self, tls))
    }

    pub(crate) fn carrier(&self) -> Carrier {
        #[cfg(unix)]
        if self.unix_socket.is_some() {
            return Carrier::UnixSocket;
        }
        Carrier::Tcp
    }

    /// The way to `server`, an absolute URL.
    pub(crate) fn route(&self, server: &Uri) -> Result<Route, Error> {
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            return Ok(Route::Unix(path.clone()));
        }
        self.proxy.route(server)
    }
}

impl fmt::Debug for HttpClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClientBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("write_timeout", &self.write_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("pool_idle_timeout", &self.pool_idle_timeout)
            .field("max_idle_per_host", &self.max_idle_per_host)
            .field("default_headers", &self.default_headers.keys().collect::<Vec<_>>())
            .field("http1_only", &self.http1_only)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue};

use crate::client::HttpClient;
use crate::error::{Error, ErrorKind};
use crate::hook::{Hook, RequestHead};
use crate::proxy::Proxy;
use crate::settings::Settings;
use crate::tls::{Tls, TlsSettings};

/// Builder of an [`HttpClient`].
///
/// `Debug` redacts keys, values of headers, and proxy credentials.
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
    settings: Settings,
    tls: TlsSettings,
    is_user_agent_wrong: bool,
}

impl HttpClient {
    /// A client with default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build().expect("the default settings are valid")
    }

    /// Creates a builder.
    pub fn builder() -> HttpClientBuilder {
        HttpClientBuilder {
            settings: Settings::default(),
            tls: TlsSettings::default(),
            is_user_agent_wrong: false,
        }
    }
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpClientBuilder {
    /// Connect timeout: DNS lookup, TCP, proxy and TLS together. Also limits the hook of
    /// [`on_request`](Self::on_request). Default: 30 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// Write timeout: the longest time without progress while sending a request. A slow upload that makes progress is
    /// not an error. Applies to the connection, so it does not detect a single stalled HTTP/2 stream; the read timeout
    /// does. Default: 30 s.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.settings.write_timeout = timeout;
        self
    }

    /// Read timeout: the longest wait for the head of the response, counted from the call and including the wait for an
    /// HTTP/2 stream, and for each further part of the body. Default: 300 s. `None` means no limit. Can be overridden
    /// per request, see [`ReadTimeout`](crate::ReadTimeout).
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.settings.read_timeout = timeout.into();
        self
    }

    /// How long an idle connection is kept for reuse. Default: 90 s. It is closed earlier if the server closes it or
    /// announces to do so (`Keep-Alive`), and with the client. An HTTP/2 connection idle for 10 s is pinged before
    /// reuse.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.pool_idle_timeout = timeout;
        self
    }

    /// Maximum number of idle HTTP/1.1 connections for each server; the oldest is closed first. Default: 128. With 0,
    /// every request opens a new connection.
    pub fn max_idle_per_host(mut self, max: usize) -> Self {
        self.settings.max_idle_per_host = max;
        self
    }

    /// Whether to use HTTP/1.1 even if the server supports HTTP/2. Default: false.
    pub fn http1_only(mut self, only: bool) -> Self {
        self.settings.http1_only = only;
        self
    }

    /// The `User-Agent` of requests that have none. Default: `mcp-http/` and the version of this crate. An empty value
    /// sends none.
    pub fn user_agent(mut self, value: impl AsRef<str>) -> Self {
        let value = HeaderValue::from_str(value.as_ref());
        self.is_user_agent_wrong = value.is_err();
        match value {
            Ok(value) if !value.is_empty() => {
                self.settings.default_headers.insert(USER_AGENT, value)
            }
            _ => self.settings.default_headers.remove(USER_AGENT),
        };
        self
    }

    /// Headers for requests that have none of the same name. Added to those set before; the same name replaces the
    /// earlier value.
    ///
    /// They are sent with every request of the client, to any server: set secrets only on a client for a single server.
    /// Transports never follow a redirect to another origin (see
    /// [`follow_redirects`](crate::transport::follow_redirects)), which would send the headers there.
    pub fn default_headers(mut self, mut headers: HeaderMap) -> Self {
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        self.settings.default_headers.extend(headers);
        self
    }

    /// Calls `hook` before each request and adds the headers it returns, replacing those of the same name: for tokens
    /// that change. Replaces an earlier hook.
    ///
    /// Called once for each request, even if that is sent again on another connection; each redirect is another
    /// request. Delays only this request, for at most the [connect timeout](Self::connect_timeout). If it fails or
    /// takes longer, the request is not sent and fails with the kind [`Hook`](ErrorKind::Hook) or
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
        self.settings.hook = Some(Hook::new(hook));
        self
    }

    /// Whether to request compressed responses (gzip, brotli) and decompress them as they arrive, event by event.
    /// Default: false.
    ///
    /// Size limits count decompressed bytes. A decompressed response has neither `Content-Encoding` nor
    /// `Content-Length`. A request that already has `Accept-Encoding` is unchanged, and its response is not
    /// decompressed.
    #[cfg(feature = "decompression")]
    pub fn decompression(mut self, on: bool) -> Self {
        self.settings.decompression = on;
        self
    }

    /// Connects through `proxy`. Default: from the environment (see [`Proxy::from_env`]).
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.settings.proxy = proxy;
        self
    }

    /// Connects without a proxy, ignoring the environment.
    pub fn no_proxy(self) -> Self {
        self.proxy(Proxy::default())
    }

    /// Connects to the Unix socket at `path` for all requests, without a proxy. The URL still determines whether TLS is
    /// used, and the value of `Host`.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.settings.unix_socket = Some(path.into().into());
        self
    }

    /// Additionally trusts the certificates in `pem`, for example of a private authority.
    pub fn extra_root_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.extra_roots.push(pem.into());
        self
    }

    /// Sets the client certificate for servers that request one: its chain, the client's own certificate first, and the
    /// private key, all in PEM. Replaces an earlier one.
    pub fn client_certificate(
        mut self,
        chain_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.identity = Some((chain_pem.into(), key_pem.into()));
        self
    }

    /// Whether to accept any server certificate: expired, of another host, self-signed. Default: false.
    ///
    /// **This disables the protection of TLS**: anyone between client and server can read and change everything,
    /// including tokens. Only for tests; to trust a server with a self-signed certificate, use
    /// [`extra_root_pem`](Self::extra_root_pem). A warning is logged when the client is built.
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.tls.accept_invalid = accept;
        self
    }

    /// Opens all connections by `dial` instead of a socket, without TLS and proxy, whatever the URL is.
    #[cfg(feature = "_simulation")]
    #[doc(hidden)]
    pub fn simulated<F, R>(mut self, dial: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = std::io::Result<crate::simulation::Simulated>> + Send + 'static,
    {
        self.settings.dial = Some(crate::simulation::Dial::new(dial));
        self
    }

    /// Builds the client. Does not connect and needs no runtime.
    ///
    /// # Errors
    ///
    /// A certificate, key or user agent is not valid ([`Other`](ErrorKind::Other)), or this build has no TLS support
    /// for it ([`TlsUnavailable`](ErrorKind::TlsUnavailable)).
    pub fn build(self) -> Result<HttpClient, Error> {
        if self.is_user_agent_wrong {
            return Err(Error::new(ErrorKind::Other, "the user agent cannot be sent in a header"));
        }
        let tls = Tls::new(&self.tls, self.settings.http1_only)?;
        Ok(HttpClient::with(self.settings, tls))
    }
}

impl fmt::Debug for HttpClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClientBuilder")
            .field("connect_timeout", &self.settings.connect_timeout)
            .field("write_timeout", &self.settings.write_timeout)
            .field("read_timeout", &self.settings.read_timeout)
            .field("pool_idle_timeout", &self.settings.pool_idle_timeout)
            .field("max_idle_per_host", &self.settings.max_idle_per_host)
            .field("default_headers", &self.settings.default_headers.keys().collect::<Vec<_>>())
            .field("http1_only", &self.settings.http1_only)
            .field("proxy", &self.settings.proxy)
            .finish_non_exhaustive()
    }
}

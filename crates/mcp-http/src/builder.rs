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
    settings: Settings,
    tls: TlsSettings,
    is_user_agent_wrong: bool,
}

impl HttpClient {
    /// A client with the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build().expect("the default settings are valid")
    }

    /// Settings to make a client from.
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
    /// Time limit for opening a connection: name look-up, TCP, the proxy and TLS together. The hook of
    /// [`on_request`](Self::on_request) has the same limit. Default: 30 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// Write timeout: the longest time without progress while a request is being sent. A slow upload
    /// that makes progress is no failure. It counts for a connection, so it does not notice when a
    /// single stream of HTTP/2 stalls; the read time-out does. Default: 30 s.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.settings.write_timeout = timeout;
        self
    }

    /// Read timeout: the longest wait for the response to begin, counted from the call and with the wait for a
    /// stream of HTTP/2, and for each next part of it. Default: 300 s. `None` is no limit. A request can have its own, see
    /// [`ReadTimeout`](crate::ReadTimeout).
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.settings.read_timeout = timeout.into();
        self
    }

    /// How long an unused connection is kept for the next request; then it is closed. Default: 90 s. It is
    /// closed earlier when the server closes it or says that it will (`Keep-Alive`), and with the client. An
    /// HTTP/2 connection that was not used for 10 s is pinged before it is used again.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.pool_idle_timeout = timeout;
        self
    }

    /// How many unused HTTP/1.1 connections are kept for each server; the oldest is closed first.
    /// Default: 128. With 0 every request opens a new connection.
    pub fn max_idle_per_host(mut self, max: usize) -> Self {
        self.settings.max_idle_per_host = max;
        self
    }

    /// Whether to use HTTP/1.1 where the server offers HTTP/2 as well. Default: off.
    pub fn http1_only(mut self, only: bool) -> Self {
        self.settings.http1_only = only;
        self
    }

    /// The value of `User-Agent` in requests that have none. Default: `mcp-http/` and the version of
    /// this crate. An empty value sends none.
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

    /// Headers for requests that have none of the same name. They add to those set before, and replace
    /// the ones of the same name.
    ///
    /// Every request of the client has them, whatever server it goes to: secrets belong to a client that
    /// is used for one server alone. Transports never follow a redirect to another origin (see
    /// [`follow_redirects`](crate::transport::follow_redirects)), which would send them there.
    pub fn default_headers(mut self, mut headers: HeaderMap) -> Self {
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        self.settings.default_headers.extend(headers);
        self
    }

    /// Calls `hook` before each request is sent, and adds the headers that it returns, in place of those
    /// of the same name: for tokens that change. It replaces the hook set before.
    ///
    /// It is called once for each request, also if that has to be sent again on another connection; each
    /// redirect is another request. It delays this request alone, for at most the
    /// [connect time-out](Self::connect_timeout). If it fails or takes longer, the request fails without
    /// being sent, with the kind [`Hook`](ErrorKind::Hook), or [`Timeout`](ErrorKind::Timeout).
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

    /// Whether to ask for compressed responses (gzip, brotli) and decompress them as they arrive, event
    /// by event. Default: off.
    ///
    /// Limits of size count decompressed bytes. A response that was decompressed has neither
    /// `Content-Encoding` nor `Content-Length`. A request that has `Accept-Encoding` already is not
    /// changed, and neither is its response.
    #[cfg(feature = "decompression")]
    pub fn decompression(mut self, on: bool) -> Self {
        self.settings.decompression = on;
        self
    }

    /// Reaches servers through `proxy`. Default: what the environment sets (see [`Proxy::from_env`]).
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.settings.proxy = proxy;
        self
    }

    /// Reaches servers without a proxy, whatever the environment sets.
    pub fn no_proxy(self) -> Self {
        self.proxy(Proxy::default())
    }

    /// Connects to the Unix socket at `path`, whatever server a request is for and without a proxy. The
    /// URL still decides whether TLS is used, and the value of `Host`.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.settings.unix_socket = Some(path.into().into());
        self
    }

    /// Trusts the certificates in `pem` as well, such as those of a private authority.
    pub fn extra_root_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.extra_roots.push(pem.into());
        self
    }

    /// Presents a certificate to servers that ask for one: its chain, the client's own first, and the
    /// private key, all in PEM. It replaces the one set before.
    pub fn client_certificate(
        mut self,
        chain_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.identity = Some((chain_pem.into(), key_pem.into()));
        self
    }

    /// Whether to accept any certificate of a server: expired, of another host, self-signed. Default:
    /// off.
    ///
    /// **This disables the protection of TLS**: anyone between client and server can read and change
    /// everything, tokens included. It is for tests; to trust a server with a self-signed certificate,
    /// use [`extra_root_pem`](Self::extra_root_pem). A warning is logged when the client is made.
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.tls.accept_invalid = accept;
        self
    }

    /// Makes the client. Neither connects nor needs a runtime.
    ///
    /// # Errors
    ///
    /// A certificate, key or user agent is not valid ([`Other`](ErrorKind::Other)), or this build has no
    /// TLS to use it with ([`TlsUnavailable`](ErrorKind::TlsUnavailable)).
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

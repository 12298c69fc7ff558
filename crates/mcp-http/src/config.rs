use std::time::Duration;

use crate::client::HttpClient;
use crate::error::Error;
use crate::tls::Tls;

/// Settings of an [`HttpClient`].
///
/// ```
/// # fn main() -> Result<(), mcp_http::Error> {
/// use std::time::Duration;
///
/// let client = mcp_http::HttpClient::builder()
///     .connect_timeout(Duration::from_secs(5))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpClientBuilder {
    pub(crate) connect_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) pool_idle_timeout: Duration,
    pub(crate) max_idle_per_host: usize,
    pub(crate) http1_only: bool,
    extra_roots: Vec<Vec<u8>>,
}

impl HttpClientBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            connect_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            read_timeout: Some(Duration::from_secs(300)),
            pool_idle_timeout: Duration::from_secs(90),
            max_idle_per_host: 128,
            http1_only: false,
            extra_roots: Vec::new(),
        }
    }

    /// How long making a connection may take: name look-up, TCP and TLS together. 30 s unless
    /// told.
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

    /// Trusts the certificates in `pem` as well, such as those of a company's own authority.
    pub fn extra_root_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.extra_roots.push(pem.into());
        self
    }

    /// Makes the client. Neither connects nor needs a runtime.
    ///
    /// # Errors
    ///
    /// A certificate given is none ([`Other`](crate::ErrorKind::Other)), or this build has no TLS
    /// to use it with ([`TlsUnavailable`](crate::ErrorKind::TlsUnavailable)).
    pub fn build(self) -> Result<HttpClient, Error> {
        let tls = Tls::new(&self.extra_roots, self.http1_only)?;
        Ok(HttpClient::with(&self, tls))
    }
}

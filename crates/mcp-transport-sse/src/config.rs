use std::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use mcp_http::{
    Authorized, HttpClient, HttpService, IntoAuthorize,
    transport::{Endpoint, EndpointAuth},
};
use mcp_transport::{Backoff, Binding, ConnectionInfo, Error, Hold};

use crate::{
    endpoint::{HttpEndpoint, PROTOCOL_HEADERS},
    settings::Settings,
};

/// A server behind an HTTP+SSE URL, with the settings to connect to it.
///
/// Creating one does no I/O. It implements [`Connect`](mcp_transport::Connect).
///
/// Headers are sent with the GET and every POST. Those that the protocol sets (`Accept`, `Content-Type`, and the length
/// and encoding of the body) cannot be set here: connecting fails with kind
/// [`Config`](mcp_transport::ErrorKind::Config). All others are sent unchanged. `Debug`, errors and logs redact header
/// values, credentials and the query of the URL.
///
/// ```
/// # fn main() -> Result<(), mcp_transport::Error> {
/// use mcp_transport_sse::Sse;
///
/// let server = Sse::new("https://example.com/sse")?
///     .bearer_token("secret")
///     .header("x-tenant", "blue");
/// assert!(!format!("{server:?}").contains("secret"));
/// # Ok(())
/// # }
/// ```
///
/// Spec: 2024-11-05 basic/transports#http-with-sse
#[derive(Clone)]
#[must_use]
pub struct Sse<S = HttpClient> {
    endpoint: Endpoint,
    service: S,
    auth: EndpointAuth,
    settings: Settings,
}

impl Sse {
    /// The server whose stream is at `url`, such as `https://example.com/sse`. Credentials in it are sent
    /// as an `Authorization` header, unless one is set.
    ///
    /// # Errors
    /// [`Config`](mcp_transport::ErrorKind::Config) if it is not an absolute `http` or `https` URL.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse(url.as_ref())?,
            service: HttpClient::new(),
            auth: EndpointAuth::default(),
            settings: Settings::default(),
        })
    }
}

impl<S> Sse<S> {
    /// Sends the requests with `service`: an [`HttpClient`] with other settings, or any tower service that implements
    /// [`HttpService`]. Default: [`HttpClient::new`].
    pub fn with_service<T: HttpService>(self, service: T) -> Sse<T> {
        self.with_auth(|_| service, EndpointAuth::default())
    }

    fn with_auth<T>(self, service: impl FnOnce(S) -> T, auth: EndpointAuth) -> Sse<T> {
        let Self { endpoint, service: old, settings, .. } = self;
        Sse { endpoint, service: service(old), auth, settings }
    }

    /// Sends a header with every request. Replaces a header of the same name.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.endpoint.set_header(name, value);
        self
    }

    /// Sends headers with every request. Replaces headers of the same names.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.endpoint.set_headers(headers);
        self
    }

    /// Sends `Authorization: Bearer` with `token`.
    pub fn bearer_token(mut self, token: impl AsRef<str>) -> Self {
        self.endpoint.set_bearer_token(token.as_ref());
        self
    }

    /// Sets the maximum size of a message from the server, in bytes. A larger one ends the stream and fails all
    /// requests in flight with kind [`TooLarge`](mcp_transport::ErrorKind::TooLarge). Default: 64 MiB.
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.settings.message_limit = bytes;
        self
    }

    /// Timeout of opening the stream, up to its `endpoint` event. Default: 10 s.
    pub fn endpoint_timeout(mut self, limit: Duration) -> Self {
        self.settings.endpoint_timeout = limit;
        self
    }

    /// Idle timeout of the stream: the longest time without any data from the server, including comments. After that
    /// the requests in flight fail with kind [`Timeout`](mcp_transport::ErrorKind::Timeout), and the next request opens
    /// another stream. A request with a longer [`IdleLimit`](mcp_transport::IdleLimit), or whose caller limits the
    /// time, extends it while in flight. Default: 300 s. `None` means no limit.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.idle_timeout = limit.into();
        self
    }

    /// Sets a path prefix, such as `/apps/search`, for the URL in the server's `endpoint` event, unless the URL already
    /// starts with it: for a server behind a proxy with a prefix unknown to the server. Default: none.
    pub fn endpoint_prefix(mut self, path: impl AsRef<str>) -> Self {
        let path = path.as_ref().trim_matches('/');
        self.settings.endpoint_prefix = (!path.is_empty()).then(|| format!("/{path}"));
        self
    }

    /// Sets how a request reconnects when the stream has ended.
    ///
    /// The first attempt has no delay, unless the last stream ended before the first delay elapsed; at least one
    /// attempt is made. Refusals such as 404, and servers that do not respond, are not retried.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl<S: HttpService> Sse<S> {
    /// Authorizes the requests with `auth`, such as an `OAuth` of mcp-auth, on top of the configured service (call
    /// [`with_service`](Self::with_service) first). Default: only the [headers](Self::headers).
    ///
    /// Connecting fails with kind [`Config`](mcp_transport::ErrorKind::Config) if `auth` does not match the URL, or if
    /// there is also an `Authorization` header.
    pub fn auth(self, auth: impl IntoAuthorize) -> Sse<Authorized<S>> {
        let auth = EndpointAuth::new(auth, &self.endpoint, &self.service);
        self.with_auth(|service| auth.wrap(service), auth.clone())
    }

    pub(crate) fn hold(&self) -> Option<Hold> {
        self.auth.hold()
    }

    pub(crate) fn info(&self) -> ConnectionInfo {
        self.endpoint.info(Binding::HttpSse, self.service.carrier())
    }

    pub(crate) fn http_endpoint(&self) -> Result<HttpEndpoint<S>, Error> {
        let (service, url) = (self.service.clone(), self.endpoint.url().clone());
        let headers = self.endpoint.headers(&PROTOCOL_HEADERS)?;
        let hold = self.auth.get(&self.endpoint)?.and_then(|auth| auth.hold());
        Ok(HttpEndpoint::new(service, url, headers, self.settings.clone(), hold))
    }
}

impl<S> fmt::Debug for Sse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse")
            .field("endpoint", &self.endpoint)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

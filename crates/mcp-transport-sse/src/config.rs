use std::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use mcp_http::{Endpoint, HttpClient, HttpService};
use mcp_transport::{Backoff, Binding, Carrier, ConnectionInfo, Error};

use crate::{
    head::OWNED,
    wire::{Limits, Wire},
};

/// An MCP server behind HTTP+SSE, and how to reach it.
///
/// Making one does no I/O. It implements [`Connect`](mcp_transport::Connect).
///
/// Headers are sent with the GET and with every POST. Those that the protocol sets itself (`Accept`,
/// `Content-Type`, and the length and encoding of the body) cannot be given: connecting fails with an error
/// of kind [`Config`](mcp_transport::ErrorKind::Config) then. All others are sent as given. No value of a
/// header, no credentials and no query of a URL show in `Debug`, errors or logs.
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
    limits: Limits,
}

impl Sse {
    /// The server whose stream is at `url`, such as `https://example.com/sse`. Credentials in it are sent
    /// as an `Authorization` header, unless one is given.
    ///
    /// # Errors
    /// [`Config`](mcp_transport::ErrorKind::Config) when it is not an absolute `http` or `https` URL.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse(url.as_ref())?,
            service: HttpClient::new(),
            limits: Limits::default(),
        })
    }
}

impl<S> Sse<S> {
    /// Sends the requests with `service` instead: an [`HttpClient`] with other settings, or any tower
    /// service as [`HttpService`] describes.
    pub fn with_service<T: HttpService>(self, service: T) -> Sse<T> {
        let Self { endpoint, service: _, limits } = self;
        Sse { endpoint, service, limits }
    }

    /// Sends a header with every request, in place of one of the same name.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.endpoint.set_header(name, value);
        self
    }

    /// Sends headers with every request, in place of those of the same names.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.endpoint.set_headers(headers);
        self
    }

    /// Sends `Authorization: Bearer` with `token`.
    pub fn bearer_token(mut self, token: impl AsRef<str>) -> Self {
        self.endpoint.set_bearer_token(token.as_ref());
        self
    }

    /// How many bytes one message of the server may have. A longer one ends the stream, and fails all
    /// that is in flight with an error of kind [`TooLarge`](mcp_transport::ErrorKind::TooLarge). 64 MiB
    /// unless told.
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.limits.message = bytes;
        self
    }

    /// How long opening the stream may take, up to its `endpoint` event. 10 s unless told.
    pub fn endpoint_timeout(mut self, limit: Duration) -> Self {
        self.limits.endpoint = limit;
        self
    }

    /// How long the server may send nothing at all on the stream, not even a comment, before it is taken
    /// for broken: what is in flight fails with an error of kind
    /// [`Timeout`](mcp_transport::ErrorKind::Timeout), and the next request opens the stream anew. A
    /// request with a longer [`IdleLimit`](mcp_transport::IdleLimit) extends it while it waits. 300 s
    /// unless told; `None` waits for ever.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.idle = limit.into();
        self
    }

    /// How a request opens the stream again when it is down.
    ///
    /// The first attempt is made at once, unless the last stream did not hold for as long as the first
    /// wait; at least one is made. A refusal such as 404, and a server that says nothing, are not tried
    /// again.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.limits.backoff = backoff;
        self
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl<S: HttpService> Sse<S> {
    pub(crate) fn info(&self) -> ConnectionInfo {
        let carrier = self.service.carrier();
        let peer = self.endpoint.address().filter(|_| carrier == Carrier::Tcp);
        ConnectionInfo::new(Binding::HttpSse, self.endpoint.to_string())
            .with_carrier(carrier)
            .with_peer(peer)
    }

    pub(crate) fn wire(&self) -> Result<Wire<S>, Error> {
        let (service, url) = (self.service.clone(), self.endpoint.url().clone());
        let headers = self.endpoint.headers(&OWNED)?;
        Ok(Wire::new(service, url, headers, self.limits.clone()))
    }
}

impl<S> fmt::Debug for Sse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse")
            .field("endpoint", &self.endpoint)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

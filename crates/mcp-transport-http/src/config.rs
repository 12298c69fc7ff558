use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use mcp_http::{Endpoint, HttpClient, HttpService};
use mcp_transport::{Backoff, Binding, Carrier, ConnectionInfo, Error};

use crate::{head::OWNED, wire::Wire};

/// How many bytes a message of the server may have unless told: 64 MiB.
const MESSAGE_LIMIT: usize = 64 << 20;

/// An MCP server at a URL, and how to reach it.
///
/// Making one does no I/O. It implements [`Connect`](mcp_transport::Connect).
///
/// Headers are sent with every request. Those that the protocol sets itself (`Accept`, `Content-Type`,
/// `MCP-Protocol-Version`, `Mcp-Method`, `Mcp-Name`, `Mcp-Session-Id`, `Last-Event-ID`, and the length
/// and encoding of the body) cannot be given: connecting fails with an error of kind
/// [`Config`](mcp_transport::ErrorKind::Config) then. All others are sent as given. No value of a
/// header, no credentials and no query of a URL show in `Debug`, errors or logs.
///
/// ```
/// # fn main() -> Result<(), mcp_transport::Error> {
/// use mcp_transport_http::StreamableHttp;
///
/// let server = StreamableHttp::new("https://example.com/mcp")?
///     .bearer_token("secret")
///     .header("x-tenant", "blue");
/// assert!(!format!("{server:?}").contains("secret"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct StreamableHttp<S = HttpClient> {
    endpoint: Endpoint,
    service: S,
    message_limit: usize,
    backoff: Backoff,
    record_session_id: bool,
}

impl StreamableHttp {
    /// The server at `url`, such as `https://example.com/mcp`. Credentials in it are sent as an
    /// `Authorization` header, unless one is given.
    ///
    /// # Errors
    /// [`Config`](mcp_transport::ErrorKind::Config) when it is not an absolute `http` or `https` URL.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse(url.as_ref())?,
            service: HttpClient::new(),
            message_limit: MESSAGE_LIMIT,
            backoff: Backoff::default(),
            record_session_id: false,
        })
    }
}

impl<S> StreamableHttp<S> {
    /// Sends the requests with `service` instead: an [`HttpClient`] with other settings, or any tower
    /// service as [`HttpService`] describes.
    pub fn with_service<T: HttpService>(self, service: T) -> StreamableHttp<T> {
        let Self { endpoint, service: _, message_limit, backoff, record_session_id } = self;
        StreamableHttp { endpoint, service, message_limit, backoff, record_session_id }
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

    /// How many bytes one message of the server may have. A longer one fails its request with an error
    /// of kind [`TooLarge`](mcp_transport::ErrorKind::TooLarge). 64 MiB unless told.
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.message_limit = bytes;
        self
    }

    /// How to open streams of the legacy era again that broke off.
    ///
    /// The attempts are those in a row to resume the stream of one request that may bring nothing before
    /// that request fails. The stream that belongs to no request is reopened as long as the connection
    /// lives. A server's own `retry` is always waited for in full.
    ///
    /// Spec: basic/transports/streamable-http#resumability-and-redelivery
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Whether the id of a legacy session is recorded as `mcp.session.id` on the span of `tracing` that a
    /// request is made in, if that has such a field. Whoever knows the id may be able to use the session.
    /// Default: it is not.
    pub fn record_session_id(mut self, record: bool) -> Self {
        self.record_session_id = record;
        self
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl<S: HttpService> StreamableHttp<S> {
    pub(crate) fn info(&self) -> ConnectionInfo {
        let carrier = self.service.carrier();
        let peer = self.endpoint.address().filter(|_| carrier == Carrier::Tcp);
        ConnectionInfo::new(Binding::StreamableHttp, self.endpoint.to_string())
            .with_carrier(carrier)
            .with_peer(peer)
    }

    pub(crate) fn wire(&self) -> Result<Wire<S>, Error> {
        let (service, url) = (self.service.clone(), self.endpoint.url().clone());
        let headers = self.endpoint.headers(&OWNED)?;
        let mut wire = Wire::new(service, url, headers, self.message_limit, self.backoff);
        wire.record_session_id = self.record_session_id;
        Ok(wire)
    }
}

impl<S> fmt::Debug for StreamableHttp<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamableHttp")
            .field("endpoint", &self.endpoint)
            .field("message_limit", &self.message_limit)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

use std::{fmt, sync::Mutex};

use http::{HeaderMap, HeaderName, HeaderValue};
use mcp_http::{
    Authorized, HttpClient, HttpService, IntoAuthorize,
    sse::DEFAULT_LIMIT,
    transport::{Endpoint, EndpointAuth},
};
use mcp_transport::{Backoff, Binding, ConnectionInfo, Error, Hold};

use crate::{
    endpoint::HttpEndpoint,
    headers::PROTOCOL_HEADERS,
    saved_session::{SavedSession, SessionHandle},
};

/// A server behind a Streamable HTTP URL, with the settings to connect to it.
///
/// Creating one does no I/O. It implements [`Connect`](mcp_transport::Connect).
///
/// Headers are sent with every request. Those that the protocol sets (`Accept`, `Content-Type`, `MCP-Protocol-Version`,
/// `Mcp-Method`, `Mcp-Name`, `Mcp-Session-Id`, `Last-Event-ID`, and the length and encoding of the body) cannot be set
/// here: connecting fails with kind [`Config`](mcp_transport::ErrorKind::Config). All others are sent unchanged.
/// `Debug`, errors and logs redact header values, credentials and the query of the URL.
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
    auth: EndpointAuth,
    message_limit: usize,
    backoff: Backoff,
    record_session_id: bool,
    server_stream: bool,
    keep_session: bool,
    session_handle: Option<SessionHandle>,
    resumed: Option<SavedSession>,
}

impl StreamableHttp {
    /// The server at `url`, such as `https://example.com/mcp`. Credentials in it are sent as an
    /// `Authorization` header, unless one is set.
    ///
    /// # Errors
    /// [`Config`](mcp_transport::ErrorKind::Config) if it is not an absolute `http` or `https` URL.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse(url.as_ref())?,
            service: HttpClient::new(),
            auth: EndpointAuth::default(),
            message_limit: DEFAULT_LIMIT,
            backoff: Backoff::default(),
            record_session_id: false,
            server_stream: true,
            keep_session: false,
            session_handle: None,
            resumed: None,
        })
    }
}

impl<S> StreamableHttp<S> {
    /// Sends the requests with `service`: an [`HttpClient`] with other settings, or any tower service that implements
    /// [`HttpService`]. Default: [`HttpClient::new`].
    pub fn with_service<T: HttpService>(self, service: T) -> StreamableHttp<T> {
        self.with_auth(|_| service, EndpointAuth::default())
    }

    fn with_auth<T>(self, service: impl FnOnce(S) -> T, auth: EndpointAuth) -> StreamableHttp<T> {
        StreamableHttp {
            endpoint: self.endpoint,
            service: service(self.service),
            auth,
            message_limit: self.message_limit,
            backoff: self.backoff,
            record_session_id: self.record_session_id,
            server_stream: self.server_stream,
            keep_session: self.keep_session,
            session_handle: self.session_handle,
            resumed: self.resumed,
        }
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

    /// Sets the maximum size of a message from the server, in bytes. A larger one fails its request with kind
    /// [`TooLarge`](mcp_transport::ErrorKind::TooLarge). Default: 64 MiB.
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.message_limit = bytes;
        self
    }

    /// Sets the delays before broken legacy streams are resumed.
    ///
    /// A request fails after this many consecutive [attempts](Backoff::attempts) to resume its response stream without
    /// progress; progress is an event that the server has not sent before. The standalone GET stream is resumed while
    /// the connection is open. The server's `retry` replaces the first delay, but not the [floor](Backoff::floor).
    ///
    /// Spec: 2025-11-25 basic/transports#resumability-and-redelivery
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Whether the id of a legacy session is recorded as `mcp.session.id` on the `tracing` span of a request, if the
    /// span has such a field. Knowing the id may be sufficient to use the session. Default: false.
    pub fn record_session_id(mut self, record: bool) -> Self {
        self.record_session_id = record;
        self
    }

    /// Whether the standalone GET stream of a legacy session is opened, on which the server sends messages outside of
    /// requests. Without it such messages are missed, and the server has one connection less. Default: true.
    ///
    /// Spec: 2025-11-25 basic/transports#listening-for-messages-from-the-server
    pub fn server_stream(mut self, open: bool) -> Self {
        self.server_stream = open;
        self
    }

    /// Whether a legacy session stays open at the server when the transport is closed or dropped, so that another one
    /// can [resume](Self::resume_session) it. Default: false.
    pub fn keep_session(mut self, keep: bool) -> Self {
        self.keep_session = keep;
        self
    }

    /// Exposes the legacy session in `handle`, with the position in the server's stream, so that another transport can
    /// resume it. Default: none.
    pub fn session_handle(mut self, handle: &SessionHandle) -> Self {
        self.session_handle = Some(handle.clone());
        self
    }

    /// Resumes a legacy session that is open at the server: the first `initialize` of each connection is answered with
    /// the saved result, `notifications/initialized` is not sent again, and the server's stream is resumed after its
    /// last event. The client must start with `initialize`, using the era policy `Legacy` or a verdict of the legacy
    /// era. A session that the server has lost is initialized again. Default: none.
    ///
    /// ```
    /// # fn main() -> Result<(), mcp_transport::Error> {
    /// use mcp_transport_http::{SessionHandle, StreamableHttp};
    ///
    /// let handle = SessionHandle::new();
    /// let first = StreamableHttp::new("https://example.com/mcp")?.session_handle(&handle).keep_session(true);
    /// // After `first` was used, in this process or another one:
    /// let second = StreamableHttp::new("https://example.com/mcp")?;
    /// let second = match handle.saved() {
    ///     Some(saved) => second.resume_session(saved),
    ///     None => second,
    /// };
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Spec: 2025-11-25 basic/transports#session-management
    pub fn resume_session(mut self, saved: SavedSession) -> Self {
        self.resumed = Some(saved);
        self
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl<S: HttpService> StreamableHttp<S> {
    /// Authorizes the requests with `auth`, such as an `OAuth` of mcp-auth, on top of the configured service (call
    /// [`with_service`](Self::with_service) first). Default: only the [headers](Self::headers).
    ///
    /// Connecting fails with kind [`Config`](mcp_transport::ErrorKind::Config) if `auth` does not match the URL, or if
    /// there is also an `Authorization` header.
    pub fn auth(self, auth: impl IntoAuthorize) -> StreamableHttp<Authorized<S>> {
        let auth = EndpointAuth::new(auth, &self.endpoint, &self.service);
        self.with_auth(|service| auth.wrap(service), auth.clone())
    }

    pub(crate) fn hold(&self) -> Option<Hold> {
        self.auth.hold()
    }

    pub(crate) fn info(&self) -> ConnectionInfo {
        self.endpoint.info(Binding::StreamableHttp, self.service.carrier())
    }

    pub(crate) fn http_endpoint(&self) -> Result<HttpEndpoint<S>, Error> {
        let (service, url) = (self.service.clone(), self.endpoint.url().clone());
        let headers = self.endpoint.headers(&PROTOCOL_HEADERS)?;
        let mut endpoint =
            HttpEndpoint::new(service, url, headers, self.message_limit, self.backoff);
        endpoint.record_session_id = self.record_session_id;
        endpoint.server_stream = self.server_stream;
        endpoint.keep_session = self.keep_session;
        endpoint.session_handle = self.session_handle.clone();
        endpoint.resumed = Mutex::new(self.resumed.clone());
        endpoint.auth = self.auth.get(&self.endpoint)?;
        Ok(endpoint)
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

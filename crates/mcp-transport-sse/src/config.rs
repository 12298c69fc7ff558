use std::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use mcp_http::HttpClient;
use mcp_transport::{Delivery, Error, ErrorKind};

use crate::{
    Backoff, HttpService,
    endpoint::Endpoint,
    head::owned_by_protocol,
    wire::{Limits, Wire},
};

/// An MCP server behind HTTP+SSE, and how to reach it.
///
/// Making one does no I/O. It implements [`Connect`](mcp_transport::Connect).
///
/// Headers are sent with the GET and with every POST. Those that the protocol sets itself (`Accept`,
/// `Content-Type`, and the length and encoding of the body) cannot be given: connecting fails with an error
/// of kind [`Config`](ErrorKind::Config) then. All others are sent as given. No value of a header, no
/// credentials and no query of a URL show in `Debug`, errors or logs.
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
    headers: HeaderMap,
    limits: Limits,
    /// What was wrong first with the settings.
    wrong: Option<Error>,
}

impl Sse {
    /// The server whose stream is at `url`, such as `https://example.com/sse`. Credentials in it are sent
    /// as an `Authorization` header, unless one is given.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) when it is not an absolute `http` or `https` URL.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse(url.as_ref())?,
            service: HttpClient::new(),
            headers: HeaderMap::new(),
            limits: Limits::default(),
            wrong: None,
        })
    }
}

impl<S> Sse<S> {
    /// Sends the requests with `service` instead: an [`HttpClient`] with other settings, or any tower
    /// service as [`HttpService`] describes.
    pub fn with_service<T: HttpService>(self, service: T) -> Sse<T> {
        let Self { endpoint, service: _, headers, limits, wrong } = self;
        Sse { endpoint, service, headers, limits, wrong }
    }

    /// Sends a header with every request, in place of one of the same name.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            (Ok(name), Err(_)) => self.fail(format!("the value of the header {name} is not valid")),
            (Err(_), _) => self.fail("the name of a header is not valid".to_owned()),
        }
        self
    }

    /// Sends headers with every request, in place of those of the same names.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Sends `Authorization: Bearer` with `token`.
    pub fn bearer_token(mut self, token: impl AsRef<str>) -> Self {
        match HeaderValue::try_from(format!("Bearer {}", token.as_ref())) {
            Ok(value) => {
                self.headers.insert(header::AUTHORIZATION, value);
            }
            Err(_) => self.fail("the bearer token cannot be sent in a header".to_owned()),
        }
        self
    }

    /// How many bytes one message of the server may have. A longer one ends the stream, and fails all
    /// that is in flight with an error of kind [`TooLarge`](ErrorKind::TooLarge). 64 MiB unless told.
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
    /// for broken: what is in flight fails with an error of kind [`Timeout`](ErrorKind::Timeout), and the
    /// next request opens the stream anew. A request with a longer
    /// [`IdleLimit`](mcp_transport::IdleLimit) extends it while it waits. 300 s unless told; `None` waits
    /// for ever.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.idle = limit.into();
        self
    }

    /// How a request opens the stream again when it is down.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.limits.backoff = backoff;
        self
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn fail(&mut self, text: String) {
        self.wrong.get_or_insert_with(|| config_error(text));
    }
}

impl<S: HttpService> Sse<S> {
    pub(crate) fn wire(&self) -> Result<Wire<S>, Error> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        if let Some(name) = owned_by_protocol(&self.headers) {
            let text = format!("the header {name} is set by the protocol and cannot be given");
            return Err(config_error(text));
        }
        let mut headers = self.headers.clone();
        for value in headers.values_mut() {
            // Any of them may be a key.
            value.set_sensitive(true);
        }
        Ok(Wire::new(self.service.clone(), self.endpoint.clone(), headers, self.limits.clone()))
    }
}

fn config_error(text: String) -> Error {
    Error::new(ErrorKind::Config, text).with_delivery(Delivery::NotSent)
}

impl<S> fmt::Debug for Sse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse")
            .field("url", &format_args!("{}", self.endpoint))
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

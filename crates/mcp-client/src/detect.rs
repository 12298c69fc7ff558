//! Transport detection for URLs: Streamable HTTP, or HTTP+SSE of 2024-11-05.

use std::{
    error::Error as _,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use mcp_core::{Request, method};
use mcp_http::{HttpClient, HttpService, StatusError};
use mcp_transport::{
    Binding, Connect, Connection, Delivery, Diagnostics, Envelope, Error, ErrorKind, Exchange,
    Hold, OneWay, Transport,
};
use mcp_transport_http::{StreamableHttp, StreamableHttpTransport};
use mcp_transport_sse::{Sse, SseTransport};

/// Tries the transport that the URL suggests, and the other one if the server refuses the first.
///
/// - Streamable HTTP: `initialize` is refused without a JSON-RPC response, and a GET of the same URL opens an event
///   stream with an `endpoint` event. The connection is then closed, and the next one uses HTTP+SSE.
/// - HTTP+SSE: the GET opens no such stream. The same connect uses Streamable HTTP.
///
/// Later connects use the detected transport.
///
/// Spec: basic/transports/streamable-http#backward-compatibility
#[derive(Debug, Clone)]
pub(crate) struct Detect<S: HttpService = HttpClient> {
    http: StreamableHttp<S>,
    sse: Sse<S>,
    found: Arc<Found<S>>,
}

#[derive(Debug)]
struct Found<S: HttpService> {
    is_sse: Arc<AtomicBool>,
    /// The open HTTP+SSE connection that detection left, for the next connect.
    open: Mutex<Weak<Handover<S>>>,
}

/// A connection to hand over, as long as the one that opened it lives.
type Handover<S> = Mutex<Option<Connection<SseTransport<S>>>>;

impl Detect {
    pub(crate) fn new(http: StreamableHttp, sse: Sse, first: Binding) -> Self {
        let detect = Self { http, sse, found: Arc::new(Found::new(Arc::default())) };
        detect.assume(first);
        detect
    }

    /// The same connector with requests authorized by `auth`. Both share the detected transport.
    #[cfg(feature = "oauth")]
    pub(crate) fn auth(self, auth: &mcp_auth::OAuth) -> Detect<mcp_http::Authorized<HttpClient>> {
        Detect {
            http: self.http.auth(auth),
            sse: self.sse.auth(auth),
            found: Arc::new(Found::new(Arc::clone(&self.found.is_sse))),
        }
    }

    /// Changes the settings. The result starts with the transport detected so far.
    pub(crate) fn map(
        self,
        http: impl FnOnce(StreamableHttp) -> StreamableHttp,
        sse: impl FnOnce(Sse) -> Sse,
    ) -> Self {
        let found = Found::new(Arc::default());
        found.set_sse(self.found.is_sse());
        Self { http: http(self.http), sse: sse(self.sse), found: Arc::new(found) }
    }

    /// Sets the transport detected earlier. If it no longer works, the server is probed again.
    pub(crate) fn assume(&self, binding: Binding) {
        self.found.set_sse(binding == Binding::HttpSse);
    }
}

impl<S: HttpService> Found<S> {
    fn new(is_sse: Arc<AtomicBool>) -> Self {
        Self { is_sse, open: Mutex::default() }
    }

    fn is_sse(&self) -> bool {
        self.is_sse.load(Ordering::Acquire)
    }

    fn set_sse(&self, is_sse: bool) {
        self.is_sse.store(is_sse, Ordering::Release);
    }

    fn hand_over(&self, handover: &Arc<Handover<S>>, connection: Connection<SseTransport<S>>) {
        *handover.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(handover);
        self.set_sse(true);
    }

    fn take_over(&self) -> Option<Connection<SseTransport<S>>> {
        let handover = self.open.lock().unwrap_or_else(PoisonError::into_inner).upgrade()?;
        handover.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<S: HttpService> Connect for Detect<S> {
    type Transport = DetectTransport<S>;

    async fn connect(&self) -> Result<Connection<DetectTransport<S>>, Error> {
        let mut not_sse = None;
        if self.found.is_sse() {
            if let Some(connection) = self.found.take_over() {
                return Ok(connection.map(DetectTransport::Sse));
            }
            match self.sse.connect().await {
                Ok(connection) => return Ok(connection.map(DetectTransport::Sse)),
                Err(error) if is_something_else(&error) => {
                    tracing::debug!(%error, "not HTTP+SSE; is it Streamable HTTP?");
                    self.found.set_sse(false);
                    not_sse = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let connection = self.http.connect().await?;
        Ok(connection.map(|http| {
            let (sse, found) = (self.sse.clone(), Arc::clone(&self.found));
            let handover = Arc::default();
            DetectTransport::Http(Box::new(Http { http, sse, not_sse, found, handover }))
        }))
    }

    fn describe(&self) -> String {
        self.http.describe()
    }

    fn hold(&self) -> Option<Hold> {
        self.http.hold().or_else(|| self.sse.hold())
    }
}

pub(crate) enum DetectTransport<S: HttpService> {
    Http(Box<Http<S>>),
    Sse(SseTransport<S>),
}

/// Streamable HTTP, as the current assumption.
pub(crate) struct Http<S: HttpService> {
    http: StreamableHttpTransport<S>,
    sse: Sse<S>,
    /// The error of HTTP+SSE if that was tried first.
    not_sse: Option<Error>,
    found: Arc<Found<S>>,
    handover: Arc<Handover<S>>,
}

impl<S: HttpService> Http<S> {
    /// The error to report for a refused `initialize`.
    async fn refused(&self, refused: Error) -> Error {
        let not_sse = match &self.not_sse {
            Some(error) => error.clone(),
            None => {
                tracing::debug!(error = %refused, "not Streamable HTTP; is it HTTP+SSE?");
                match self.sse.connect().await {
                    Ok(connection) => {
                        self.found.hand_over(&self.handover, connection);
                        let message = "the server speaks HTTP+SSE: the next connection uses it";
                        return Error::new(ErrorKind::Closed, message)
                            .with_delivery(Delivery::NotSent)
                            .with_source(refused);
                    }
                    Err(error) => error,
                }
            }
        };
        let message = match causes(&not_sse) {
            same if same == causes(&refused) => "HTTP+SSE and Streamable HTTP".to_owned(),
            other => format!("HTTP+SSE: {other}; Streamable HTTP"),
        };
        Error::new(refused.kind(), message).with_delivery(refused.delivery()).with_source(refused)
    }
}

/// The messages of an error and its sources, without target and method.
fn causes(error: &Error) -> String {
    let mut text = error.message().to_owned();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

impl<S: HttpService> Transport for DetectTransport<S> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        let http = match self {
            Self::Sse(sse) => return sse.request(request).await,
            Self::Http(http) => http,
        };
        let is_initialize = request.message.method == method::INITIALIZE;
        match http.http.request(request).await {
            Err(error) if is_initialize && is_refusal(&error) => Err(http.refused(error).await),
            outcome => outcome,
        }
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        match self {
            Self::Http(http) => http.http.send(message).await,
            Self::Sse(sse) => sse.send(message).await,
        }
    }

    async fn close(&self) -> Result<(), Error> {
        match self {
            Self::Http(http) => http.http.close().await,
            Self::Sse(sse) => sse.close().await,
        }
    }

    async fn closed(&self) -> Error {
        match self {
            Self::Http(http) => http.http.closed().await,
            Self::Sse(sse) => sse.closed().await,
        }
    }

    fn diagnostics(&self) -> Diagnostics {
        match self {
            Self::Http(http) => http.http.diagnostics(),
            Self::Sse(sse) => sse.diagnostics(),
        }
    }
}

/// Whether the server refused a POST without a JSON-RPC response, as a server that supports only HTTP+SSE does. Other
/// statuses concern the client or an outage, not the transport.
fn is_refusal(error: &Error) -> bool {
    let status = error.find::<StatusError>().map(|error| error.status().as_u16());
    status.is_some_and(
        |status| !matches!(status, 200..=299 | 401 | 403 | 407 | 408 | 429 | 502..=504),
    )
}

/// Whether the server does not support HTTP+SSE. A Streamable HTTP server may also open a stream on GET, and leave it
/// empty or end it.
fn is_something_else(error: &Error) -> bool {
    use ErrorKind::{Interrupted, Protocol, Rejected, Timeout};
    let is_unavailable = error.kind() == ErrorKind::Unavailable;
    matches!(error.kind(), Rejected | Protocol | Timeout | Interrupted)
        || (is_unavailable && is_refusal(error))
}

//! A URL that may be Streamable HTTP or the HTTP+SSE of 2024-11-05: the opening of a session shows which.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use mcp_core::{Request, method};
use mcp_http::StatusError;
use mcp_transport::{
    Binding, Connect, Connection, Delivery, Diagnostics, Envelope, Error, ErrorKind, Exchange,
    Hold, OneWay, Transport,
};
use mcp_transport_http::{StreamableHttp, StreamableHttpTransport};
use mcp_transport_sse::{Sse, SseTransport};

/// Speaks Streamable HTTP until an `initialize` is refused as by a server that knows only HTTP+SSE, and a
/// GET of the same URL opens an event stream of that. The connection is over then, and the next one speaks
/// HTTP+SSE; so do all that follow.
///
/// Spec: basic/transports/streamable-http#backward-compatibility
#[derive(Debug, Clone)]
pub(crate) struct Detect {
    http: StreamableHttp,
    sse: Sse,
    found: Arc<Found>,
}

#[derive(Debug, Default)]
struct Found {
    is_sse: AtomicBool,
    /// The connection of HTTP+SSE that showed it, for the next who connects.
    open: Mutex<Weak<Handover>>,
}

/// A connection that is taken over, as long as the one that opened it lives.
type Handover = Mutex<Option<Connection<SseTransport>>>;

impl Detect {
    pub(crate) fn new(http: StreamableHttp, sse: Sse) -> Self {
        Self { http, sse, found: Arc::default() }
    }

    /// Begins with what was found earlier. If it no longer holds, the server is probed again.
    pub(crate) fn assume(&self, binding: Binding) {
        self.found.set_sse(binding == Binding::HttpSse);
    }
}

impl Found {
    fn is_sse(&self) -> bool {
        self.is_sse.load(Ordering::Acquire)
    }

    fn set_sse(&self, is_sse: bool) {
        self.is_sse.store(is_sse, Ordering::Release);
    }

    fn hand_over(&self, handover: &Arc<Handover>, connection: Connection<SseTransport>) {
        *handover.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(handover);
        self.set_sse(true);
    }

    fn take_over(&self) -> Option<Connection<SseTransport>> {
        let handover = self.open.lock().unwrap_or_else(PoisonError::into_inner).upgrade()?;
        handover.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Connect for Detect {
    type Transport = DetectTransport;

    async fn connect(&self) -> Result<Connection<DetectTransport>, Error> {
        if self.found.is_sse() {
            if let Some(connection) = self.found.take_over() {
                return Ok(connection.map(DetectTransport::Sse));
            }
            match self.sse.connect().await {
                Ok(connection) => return Ok(connection.map(DetectTransport::Sse)),
                // The endpoint is there, and no longer what it was.
                Err(error) if is_something_else(&error) => self.found.set_sse(false),
                Err(error) => return Err(error),
            }
        }
        let connection = self.http.connect().await?;
        Ok(connection.map(|http| {
            let (sse, found) = (self.sse.clone(), Arc::clone(&self.found));
            DetectTransport::Http(Box::new(Http { http, sse, found, handover: Arc::default() }))
        }))
    }

    fn describe(&self) -> String {
        self.http.describe()
    }

    fn hold(&self) -> Option<Hold> {
        self.http.hold().or_else(|| self.sse.hold())
    }
}

pub(crate) enum DetectTransport {
    Http(Box<Http>),
    Sse(SseTransport),
}

/// Streamable HTTP, as far as is known.
pub(crate) struct Http {
    http: StreamableHttpTransport,
    sse: Sse,
    found: Arc<Found>,
    handover: Arc<Handover>,
}

impl Http {
    /// The error of an `initialize` that was `refused`.
    async fn refused(&self, refused: Error) -> Error {
        tracing::debug!(error = %refused, "not Streamable HTTP; is it HTTP+SSE?");
        let Ok(connection) = self.sse.connect().await else { return refused };
        self.found.hand_over(&self.handover, connection);
        let message = "the server speaks HTTP+SSE: the next connection does, too";
        Error::new(ErrorKind::Closed, message).with_delivery(Delivery::NotSent).with_source(refused)
    }
}

impl Transport for DetectTransport {
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

/// How a server of HTTP+SSE alone answers a POST to the URL of its event stream.
fn is_refusal(error: &Error) -> bool {
    let status = error.find::<StatusError>().map(|error| error.status().as_u16());
    error.kind() == ErrorKind::Rejected && matches!(status, Some(400 | 404 | 405))
}

/// Whether the server at the URL does not do what HTTP+SSE does: one of Streamable HTTP may as well open a
/// stream, and leave it empty or end it.
fn is_something_else(error: &Error) -> bool {
    use ErrorKind::{Interrupted, Protocol, Rejected, Timeout};
    matches!(error.kind(), Rejected | Protocol | Timeout | Interrupted)
}

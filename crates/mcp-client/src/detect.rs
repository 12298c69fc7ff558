//! A URL that may be Streamable HTTP or the HTTP+SSE of 2024-11-05: what it is shows at the opening.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::{Message, Request, method};
use mcp_http::StatusError;
use mcp_transport::{
    Address, Binding, Connect, Connection, Envelope, Error, ErrorKind, Exchange, Inbound, OneWay,
    SharedConnect, SharedTransport, Transport,
};
use tokio::sync::oneshot;

/// Speaks Streamable HTTP, unless an `initialize` is refused as by a server that knows only HTTP+SSE and
/// a GET of the same URL opens a stream of that. What was found holds for later connections too.
///
/// Spec: basic/transports/streamable-http#backward-compatibility
#[derive(Debug, Clone)]
pub(crate) struct Detect {
    http: SharedConnect,
    sse: SharedConnect,
    is_sse: Arc<AtomicBool>,
}

impl Detect {
    pub(crate) fn new(http: impl Connect, sse: impl Connect) -> Self {
        Self {
            http: SharedConnect::new(http),
            sse: SharedConnect::new(sse),
            is_sse: Arc::default(),
        }
    }

    /// Begins with what was found another time. If that is no longer so, it is found out anew.
    pub(crate) fn assume(&self, binding: Binding) {
        self.is_sse.store(binding == Binding::LegacyHttp, Ordering::Release);
    }
}

impl Connect for Detect {
    type Transport = DetectTransport;

    async fn connect(&self) -> Result<Connection<DetectTransport>, Error> {
        if self.binding() == Binding::LegacyHttp {
            match self.sse.connect().await {
                Ok(Connection { transport, inbound, .. }) => {
                    return Ok(Connection::new(DetectTransport::Known(transport), inbound));
                }
                // The endpoint is there, and no longer what it was.
                Err(error) if is_something_else(&error) => self.assume(Binding::Http),
                Err(error) => return Err(error),
            }
        }
        let Connection { transport, inbound, .. } = self.http.connect().await?;
        let (beside, other) = oneshot::channel();
        let transport = DetectTransport::Open(Box::new(Open {
            http: transport,
            sse: OnceLock::new(),
            connect: self.sse.clone(),
            is_sse: Arc::clone(&self.is_sse),
            beside: Mutex::new(Some(beside)),
        }));
        let inbound = Inbound::from_stream(Either { inbound, other: Some(other) });
        Ok(Connection::new(transport, inbound))
    }

    fn binding(&self) -> Binding {
        match self.is_sse.load(Ordering::Acquire) {
            true => Binding::LegacyHttp,
            false => Binding::Http,
        }
    }

    fn describe(&self) -> String {
        self.http.describe()
    }

    fn address(&self) -> Option<Address> {
        self.http.address()
    }
}

pub(crate) enum DetectTransport {
    Known(SharedTransport),
    Open(Box<Open>),
}

pub(crate) struct Open {
    http: SharedTransport,
    /// Used for everything once it is there.
    sse: OnceLock<SharedTransport>,
    connect: SharedConnect,
    is_sse: Arc<AtomicBool>,
    beside: Mutex<Option<oneshot::Sender<Inbound>>>,
}

impl DetectTransport {
    fn current(&self) -> &SharedTransport {
        match self {
            Self::Known(transport) => transport,
            Self::Open(open) => open.sse.get().unwrap_or(&open.http),
        }
    }
}

impl Open {
    /// Opens the other transport, or gives back why the first one refused.
    async fn switch(&self, refused: Error) -> Result<&SharedTransport, Error> {
        let Ok(Connection { transport, inbound, .. }) = self.connect.connect().await else {
            return Err(refused);
        };
        let transport = self.sse.get_or_init(|| transport);
        self.is_sse.store(true, Ordering::Release);
        let beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(beside) = beside {
            // It fails where nobody listens any more.
            let _ = beside.send(inbound);
        }
        Ok(transport)
    }
}

impl Transport for DetectTransport {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        match self {
            Self::Open(open)
                if open.sse.get().is_none() && request.message.method == method::INITIALIZE =>
            {
                match open.http.request(request.clone()).await {
                    Err(error) if is_refusal(&error) => {
                        tracing::debug!(%error, "not Streamable HTTP; is it HTTP+SSE?");
                        open.switch(error).await?.request(request).await
                    }
                    other => other,
                }
            }
            _ => self.current().request(request).await,
        }
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        self.current().send(message).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.current().close().await
    }
}

/// How a server of HTTP+SSE alone answers a POST to its stream.
fn is_refusal(error: &Error) -> bool {
    let status = error.find::<StatusError>().map(|error| error.status().as_u16());
    error.kind() == ErrorKind::Rejected && matches!(status, Some(400 | 404 | 405))
}

/// Whether somebody is there who does not do what HTTP+SSE does: a server of Streamable HTTP may as well
/// open a stream, and leave it empty or end it.
fn is_something_else(error: &Error) -> bool {
    use ErrorKind::{Interrupted, Protocol, Rejected, Timeout};
    matches!(error.kind(), Rejected | Protocol | Timeout | Interrupted)
}

/// What arrives on the one carrier, and on the other from when that is open.
struct Either {
    inbound: Inbound,
    other: Option<oneshot::Receiver<Inbound>>,
}

impl Stream for Either {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(other) = &mut this.other
            && let Poll::Ready(told) = Pin::new(other).poll(cx)
        {
            this.other = None;
            if let Ok(inbound) = told {
                this.inbound = inbound;
            }
        }
        Pin::new(&mut this.inbound).poll_next(cx)
    }
}

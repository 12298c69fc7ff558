use std::{
    fmt,
    pin::pin,
    sync::{Arc, atomic::Ordering},
};

use mcp_core::{Request, method};
use mcp_http::{
    HttpClient, HttpService,
    transport::{SafeUrl, closed},
};
use mcp_transport::{
    Delivery, Diagnostics, Envelope, Error, ErrorKind, Exchange, OneWay, Transport,
};

use crate::inner::Inner;

/// The HTTP+SSE transport, opened by [`Sse`](crate::Sse).
///
/// Every message is a separate POST, so requests are independent, and a failed POST fails only its request: if the
/// server responded, the source of the error is a [`StatusError`](mcp_http::StatusError). Dropping an exchange POSTs
/// `notifications/cancelled` in the background, except for `initialize`.
///
/// All responses arrive on one stream. If it ends, breaks or times out, the requests in flight fail with kind
/// [`Interrupted`](ErrorKind::Interrupted), [`Timeout`](ErrorKind::Timeout) or [`TooLarge`](ErrorKind::TooLarge), and
/// the next request opens another stream. That is a new session, for which the same `initialize` and
/// `notifications/initialized` are sent first. The server's state of the old session is lost:
/// [`Gap::NewSession`](mcp_transport::Gap::NewSession) reports it, and [`reinitializations`](Self::reinitializations)
/// counts it. No other message is sent twice.
///
/// At most four messages of the transport itself (cancellations and refusals of server requests) and eight responses to
/// server requests are sent concurrently.
///
/// An `http::HeaderMap` in the extensions of an envelope is added to the headers of that message.
///
/// Spec: 2024-11-05 basic/transports#http-with-sse
pub struct SseTransport<S: HttpService = HttpClient> {
    inner: Arc<Inner<S>>,
}

impl<S: HttpService> SseTransport<S> {
    pub(crate) fn new(inner: Arc<Inner<S>>) -> Self {
        Self { inner }
    }

    /// The number of times that the session was reinitialized because its stream had ended. Each time the server has
    /// lost its subscriptions, log level and similar state.
    pub fn reinitializations(&self) -> u64 {
        self.inner.reinitializations.load(Ordering::Relaxed)
    }
}

impl<S: HttpService> fmt::Debug for SseTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseTransport")
            .field("url", &SafeUrl(&self.inner.sender.endpoint.url))
            .field("closed", &self.inner.sender.tasks.is_closed())
            .finish_non_exhaustive()
    }
}

impl<S: HttpService> Transport for SseTransport<S> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        let inner = &self.inner;
        let is_initialize = request.message.method == method::INITIALIZE;
        let session = inner.session(is_initialize).await?;
        let mut exchange = inner.request(&session, request.clone()).await;
        let is_late = |error: &Error| {
            error.delivery() == Delivery::NotSent
                && session.is_over()
                && !inner.sender.tasks.is_closed()
        };
        if exchange.as_ref().is_err_and(is_late) {
            // The stream ended in between, and nothing was sent: tries once more on a new one.
            let session = inner.session(is_initialize).await?;
            exchange = inner.request(&session, request.clone()).await;
        }
        if is_initialize && exchange.is_ok() {
            inner.sender.set_handshake(request);
        }
        exchange
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        let tasks = &self.inner.sender.tasks;
        if tasks.is_closed() {
            return Err(closed().with_delivery(Delivery::NotSent));
        }
        tasks.unless_closed(pin!(self.inner.send(message))).await
    }

    async fn closed(&self) -> Error {
        self.inner.sender.tasks.closed().await;
        closed().with_delivery(Delivery::NotSent)
    }

    fn diagnostics(&self) -> Diagnostics {
        let session = self.inner.current().ok().flatten();
        session.map_or_else(Diagnostics::new, |session| session.diagnostics())
    }

    async fn close(&self) -> Result<(), Error> {
        self.inner.close();
        Ok(())
    }
}

impl<S: HttpService> Inner<S> {
    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        let (session, _slot) = match &message.message {
            OneWay::Notification(_) => (self.session(false).await?, None),
            // The server cannot match a response on another stream than that of its request.
            OneWay::Response(_) => {
                let session = self.current()?.ok_or_else(request_is_lost)?;
                let slot = self.sender.tasks.response_slot().await;
                if session.is_over() {
                    return Err(request_is_lost());
                }
                (session, Some(slot))
            }
        };
        let initialized = match &message.message {
            OneWay::Notification(notification) => {
                notification.method == method::NOTIFICATIONS_INITIALIZED
            }
            OneWay::Response(_) => false,
        };
        session.set_version(message.version);
        // Before sending: a server that does not respond may have received it, and each later stream needs it.
        if let Some(handshake) = self.sender.handshake().filter(|_| initialized) {
            handshake.complete(&message);
        }
        self.sender.post_one_way(&session.post_url, message).await
    }
}

fn request_is_lost() -> Error {
    Error::new(ErrorKind::Interrupted, "the stream of the request has ended")
        .with_method("response")
        .with_delivery(Delivery::NotSent)
}

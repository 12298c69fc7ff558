use std::{
    fmt,
    pin::pin,
    sync::{Arc, atomic::Ordering},
};

use http::HeaderValue;
use mcp_core::{Era, Request};
use mcp_http::{
    HttpClient, HttpService,
    transport::{SafeUrl, closed},
};
use mcp_transport::{Delivery, Diagnostics, Envelope, Error, Exchange, OneWay, Transport};

use crate::inner::Inner;

/// MCP over Streamable HTTP: what [`StreamableHttp`](crate::StreamableHttp) opens.
///
/// Every request is a separate HTTP request, so requests never wait for one another and fail one by one.
/// An error of any kind but [`Closed`](mcp_transport::ErrorKind::Closed) concerns its request alone. Where
/// the server responded, the source of the error is a [`StatusError`](mcp_http::StatusError).
///
/// The version in the [`Envelope`] of each message decides the era:
///
/// - modern: dropping the exchange, or the future of `request`, closes the response, which cancels the
///   request. The transport keeps nothing between requests.
/// - legacy: dropping sends `notifications/cancelled` in the background; never for `initialize`. The
///   session begins with the response to `initialize`. Sending `notifications/initialized` opens the stream
///   that feeds [`Inbound`](mcp_transport::Inbound) and waits up to 1 s for its head.
///
/// A session that the server has lost (404; or 400, if it refuses a ping as well) is re-initialised once;
/// concurrent callers share the result, and the refused messages are sent again. The state that the server
/// kept for the session is lost: [`Gap::NewSession`](mcp_transport::Gap::NewSession) reports that, and
/// [`reinitializations`](Self::reinitializations) counts. Where it fails, the error is of kind
/// [`SessionExpired`](mcp_transport::ErrorKind::SessionExpired). No other message is ever sent twice.
///
/// Closing deletes the session at the server, and waits 2 s for that at the most. Dropping the transport
/// and its exchanges deletes it in the background. That a server does not delete it is no error.
///
/// Messages that are sent on the transport's own account, cancellations and refusals of requests of the
/// server, go out four at a time, and responses to requests of the server eight at a time.
///
/// An `http::HeaderMap` among the extensions of an envelope is added to the headers of that message.
///
/// Spec: basic/transports/streamable-http
pub struct StreamableHttpTransport<S: HttpService = HttpClient> {
    inner: Arc<Inner<S>>,
}

impl<S: HttpService> StreamableHttpTransport<S> {
    pub(crate) fn new(inner: Arc<Inner<S>>) -> Self {
        Self { inner }
    }

    /// How many times a session that the server had lost was re-initialised. With each of them the server
    /// has forgotten subscriptions, its log level, and the like.
    pub fn reinitializations(&self) -> u64 {
        self.inner.sessions.replaced.load(Ordering::Relaxed)
    }

    /// The id of the present legacy session, if the server has sessions. Knowing it may be enough to use the
    /// session.
    pub fn session_id(&self) -> Option<HeaderValue> {
        self.inner.sessions.current().and_then(|session| session.id.clone())
    }
}

impl<S: HttpService> fmt::Debug for StreamableHttpTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamableHttpTransport")
            .field("url", &SafeUrl(&self.inner.endpoint.url))
            .field("closed", &self.inner.tasks.is_closed())
            .finish_non_exhaustive()
    }
}

impl<S: HttpService> Transport for StreamableHttpTransport<S> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        match request.version {
            Some(version) if version.era() == Era::Modern => {
                self.inner.request_modern(request, version).await
            }
            _ => self.inner.request_legacy(request).await,
        }
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        let tasks = &self.inner.tasks;
        if tasks.is_closed() {
            return Err(closed().with_delivery(Delivery::NotSent));
        }
        let sending = pin!(async {
            match message.version {
                Some(version) if version.era() == Era::Modern => {
                    self.inner.send_modern(message, version).await
                }
                _ => self.inner.send_legacy(message).await,
            }
        });
        tasks.unless_closed(sending).await
    }

    async fn closed(&self) -> Error {
        self.inner.tasks.closed().await;
        closed().with_delivery(Delivery::NotSent)
    }

    fn diagnostics(&self) -> Diagnostics {
        self.inner.diagnostics()
    }

    async fn close(&self) -> Result<(), Error> {
        if self.inner.close()
            && let Some(session) = self.inner.sessions.take()
        {
            session.delete().await;
        }
        Ok(())
    }
}

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

/// The Streamable HTTP transport, opened by [`StreamableHttp`](crate::StreamableHttp).
///
/// Every request is a separate HTTP request, so requests are independent. An error of any kind except
/// [`Closed`](mcp_transport::ErrorKind::Closed) concerns only its request. If the server responded, the source of the
/// error is a [`StatusError`](mcp_http::StatusError).
///
/// The version in the [`Envelope`] of each message determines the era:
///
/// - modern: dropping the exchange, or the future of `request`, closes the response, which cancels the request. The
///   transport has no state between requests.
/// - legacy: dropping sends `notifications/cancelled` in the background, except for `initialize`. The session starts
///   with the response to `initialize`. Sending `notifications/initialized` opens the stream that feeds
///   [`Inbound`](mcp_transport::Inbound) and waits up to 1 s for its head.
///
/// A session that the server has lost (404; or 400, if it refuses a ping as well) is reinitialized once; concurrent
/// callers share the result, and the refused messages are sent again. The server's state of the session is lost:
/// [`Gap::NewSession`](mcp_transport::Gap::NewSession) reports it, and [`reinitializations`](Self::reinitializations)
/// counts it. If reinitializing fails, the error has kind [`SessionExpired`](mcp_transport::ErrorKind::SessionExpired).
/// No other message is sent twice.
///
/// Closing deletes the session at the server, within 2 s. Dropping the transport and its exchanges deletes it in the
/// background. A failure to delete it is not an error.
///
/// At most four messages of the transport itself (cancellations and refusals of server requests) and eight responses to
/// server requests are sent concurrently.
///
/// An `http::HeaderMap` in the extensions of an envelope is added to the headers of that message.
///
/// Spec: basic/transports/streamable-http
pub struct StreamableHttpTransport<S: HttpService = HttpClient> {
    inner: Arc<Inner<S>>,
}

impl<S: HttpService> StreamableHttpTransport<S> {
    pub(crate) fn new(inner: Arc<Inner<S>>) -> Self {
        Self { inner }
    }

    /// The number of times that a lost session was reinitialized. Each time the server has lost its subscriptions, log
    /// level and similar state.
    pub fn reinitializations(&self) -> u64 {
        self.inner.sessions.replaced.load(Ordering::Relaxed)
    }

    /// The id of the current legacy session, if the server has sessions. Knowing it may be sufficient to use the
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

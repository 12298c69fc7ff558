use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use mcp_core::{Era, Request};
use mcp_http::{HttpClient, HttpService, SafeUrl};
use mcp_transport::{Delivery, Envelope, Error, ErrorKind, Exchange, OneWay, Transport};

use crate::{error::closed, session::Session, shared::Shared};

/// How long [`close`](Transport::close) waits for the server to end the session.
const FAREWELL: Duration = Duration::from_secs(2);

/// MCP over Streamable HTTP: what [`StreamableHttp`](crate::StreamableHttp) opens.
///
/// Every request is an HTTP request of its own, so they never wait for one another and fail one by one.
/// An error of any kind but [`Closed`](ErrorKind::Closed) concerns its request alone. Where HTTP
/// answered, the source of the error is a [`StatusError`](mcp_http::StatusError).
///
/// The version in the [`Envelope`] of each message decides the era:
///
/// - modern: dropping the exchange, or the future of `request`, closes the response, which cancels the
///   request. The transport keeps nothing between requests.
/// - legacy: dropping sends `notifications/cancelled` from a task that the transport owns; never for
///   `initialize`. The session begins with the answer to `initialize`. Sending
///   `notifications/initialized` opens the stream that feeds [`Inbound`](mcp_transport::Inbound) and
///   waits up to 1 s for its head.
///
/// A session that the server has forgotten (404; or 400, if it refuses a ping as well) is begun anew
/// with the same `initialize`, once for all who notice, and the refused message is sent again. What the
/// server kept for the session is lost then: [`renewals`](Self::renewals) tells. Otherwise the error is
/// of kind [`SessionExpired`](ErrorKind::SessionExpired). Nothing else is ever sent twice.
///
/// An `http::HeaderMap` among the extensions of an envelope is added to the headers of that message.
///
/// Spec: basic/transports/streamable-http
pub struct StreamableHttpTransport<S: HttpService = HttpClient> {
    shared: Arc<Shared<S>>,
}

impl<S: HttpService> StreamableHttpTransport<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>) -> Self {
        Self { shared }
    }

    /// How many times a session that the server had forgotten was begun anew. A change means that the
    /// server has forgotten subscriptions, its log level, and the like.
    pub fn renewals(&self) -> u64 {
        self.shared.sessions.renewals.load(Ordering::Relaxed)
    }
}

impl<S: HttpService> fmt::Debug for StreamableHttpTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamableHttpTransport")
            .field("url", &SafeUrl(&self.shared.wire.url))
            .field("closed", &self.shared.flights.is_closed())
            .finish_non_exhaustive()
    }
}

impl<S: HttpService> Transport for StreamableHttpTransport<S> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        match request.version {
            Some(version) if version.era() == Era::Modern => {
                self.shared.request_modern(request, version).await
            }
            _ => self.shared.request_legacy(request).await,
        }
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        if self.shared.flights.is_closed() {
            return Err(closed().with_delivery(Delivery::NotSent));
        }
        match message.version {
            Some(version) if version.era() == Era::Modern => {
                self.shared.send_modern(message, version).await
            }
            _ => self.shared.send_legacy(message).await,
        }
    }

    async fn closed(&self) -> Error {
        self.shared.flights.closed().await;
        closed().with_delivery(Delivery::NotSent)
    }

    async fn close(&self) -> Result<(), Error> {
        let shared = &self.shared;
        if !shared.flights.close() {
            return Ok(());
        }
        shared.inbound.end(None);
        let session = shared.sessions.replace(None);
        shared.tasks.abort();
        match session {
            Some(session) => shared.end_session(&session).await,
            None => Ok(()),
        }
    }
}

impl<S: HttpService> Shared<S> {
    /// Ends the session at the server, which need not allow that.
    async fn end_session(&self, session: &Session) -> Result<(), Error> {
        let Some(id) = &session.id else { return Ok(()) };
        let head = session.head();
        match tokio::time::timeout(FAREWELL, self.wire.delete(&head, id)).await {
            Ok(Ok(response)) if !response.status().is_server_error() => Ok(()),
            Ok(Ok(response)) => {
                let uri = self.wire.uri_of(&response).clone();
                let error = mcp_http::StatusError::read(response, &uri).await;
                Err(error.into_transport_error("DELETE"))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let text = format!("the server did not end the session within {FAREWELL:?}");
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }
}

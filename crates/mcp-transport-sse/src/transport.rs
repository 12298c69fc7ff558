use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use mcp_core::{Request, method};
use mcp_http::{HttpClient, HttpService, SafeUrl};
use mcp_transport::{Delivery, Envelope, Error, ErrorKind, Exchange, OneWay, Transport};

use crate::{error::closed, shared::Shared};

/// MCP over HTTP+SSE: what [`Sse`](crate::Sse) opens.
///
/// Every message is a POST of its own, so requests never wait for one another's, and a POST that fails
/// fails its request alone: then the source of the error is a [`StatusError`](mcp_http::StatusError) where
/// HTTP answered. Dropping an exchange POSTs `notifications/cancelled` from a task that the transport owns;
/// never for `initialize`.
///
/// All answers come on one stream. When that ends, breaks or falls silent, what is in flight fails with an
/// error of kind [`Interrupted`](ErrorKind::Interrupted), [`Timeout`](ErrorKind::Timeout) or
/// [`TooLarge`](ErrorKind::TooLarge), and the next request opens another one. As that is a new session, the
/// same `initialize` and `notifications/initialized` are sent on it first; what the server kept for the old
/// one is lost: [`renewals`](Self::renewals) tells. No other message is ever sent twice.
///
/// An `http::HeaderMap` among the extensions of an envelope is added to the headers of that message.
///
/// Spec: 2024-11-05 basic/transports#http-with-sse
pub struct SseTransport<S: HttpService = HttpClient> {
    shared: Arc<Shared<S>>,
}

impl<S: HttpService> SseTransport<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>) -> Self {
        Self { shared }
    }

    /// How many times a session was begun anew as its stream was over. A change means that the server has
    /// forgotten subscriptions, its log level, and the like.
    pub fn renewals(&self) -> u64 {
        self.shared.renewals.load(Ordering::Relaxed)
    }
}

impl<S: HttpService> fmt::Debug for SseTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseTransport")
            .field("url", &SafeUrl(&self.shared.wire.url))
            .field("closed", &self.shared.is_closed())
            .finish_non_exhaustive()
    }
}

impl<S: HttpService> Transport for SseTransport<S> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        let begins = request.message.method == method::INITIALIZE;
        let link = self.shared.link(begins).await?;
        let mut asked = self.shared.ask(&link, request.clone()).await;
        let is_late = |error: &Error| {
            error.delivery() == Delivery::NotSent && link.is_over() && !self.shared.is_closed()
        };
        if asked.as_ref().is_err_and(is_late) {
            // The stream ended in between, and nothing was sent: once more, on a new one.
            let link = self.shared.link(begins).await?;
            asked = self.shared.ask(&link, request.clone()).await;
        }
        if begins && asked.is_ok() {
            self.shared.begun(request);
        }
        asked
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        let link = match &message.message {
            OneWay::Notification(_) => self.shared.link(false).await?,
            // What the server asked for is of no use to it on another stream.
            OneWay::Response(_) => self.shared.current()?.ok_or_else(|| {
                let text = "response: the server asked on a stream that is over";
                Error::new(ErrorKind::Interrupted, text).with_delivery(Delivery::NotSent)
            })?,
        };
        let completes = match &message.message {
            OneWay::Notification(notification)
                if notification.method == method::NOTIFICATIONS_INITIALIZED =>
            {
                Some(message.clone())
            }
            _ => None,
        };
        self.shared.post_one_way(&link, message).await?;
        if let (Some(initialized), Some(handshake)) =
            (completes, &mut self.shared.state().handshake)
        {
            handshake.initialized = Some(initialized);
        }
        Ok(())
    }

    async fn closed(&self) -> Error {
        // The sender lives as long as the transport.
        let _ = self.shared.closed.subscribe().wait_for(|closed| *closed).await;
        closed().with_delivery(Delivery::NotSent)
    }

    async fn close(&self) -> Result<(), Error> {
        let shared = &self.shared;
        if shared.closed.send_replace(true) {
            return Ok(());
        }
        let link = shared.state().link.take();
        if let Some(link) = link {
            link.end(&closed());
        }
        shared.inbound.end(None);
        shared.tasks.abort();
        Ok(())
    }
}

//! Messages outside calls, and the end of the connection.

use std::{
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use mcp_core::{Message, ProtocolVersion, Request, method};
use mcp_transport::{
    Envelope, Error as TransportError, ErrorKind as TransportErrorKind, IdleLimit, Inbound,
    InboundItem, SharedTransport, Transport,
};
use tokio::time::{sleep, timeout};

use crate::{
    Error, closing::Closing, extension::Extensions, negotiate::Sending,
    notifications::Notifications, pace::Pace, resumable::Work, server_requests::ServerRequests,
};

/// Reads messages outside calls, and waits for the end of the connection.
pub(crate) struct Receiver {
    pub(crate) transport: SharedTransport,
    pub(crate) server_requests: Arc<ServerRequests>,
    pub(crate) notifications: Notifications,
    pub(crate) extensions: Extensions,
    pub(crate) closing: Arc<Closing>,
    /// The revision, and the interval of pings.
    pub(crate) pings: Option<(ProtocolVersion, Duration)>,
}

enum Next {
    Item(InboundItem),
    Over(Option<TransportError>),
}

/// The work of a [`Receiver`].
pub(crate) struct Receiving {
    pub(crate) receiver: Receiver,
    pub(crate) inbound: Inbound,
    /// Items received during opening.
    pub(crate) early: Vec<InboundItem>,
    /// A notification that the server has not accepted yet.
    pub(crate) sending: Option<Sending>,
}

impl Work for Receiving {
    /// Runs until the connection has ended.
    fn run(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let (early, sending) = (std::mem::take(&mut self.early), self.sending.take());
        Box::pin(self.receiver.run(&mut self.inbound, early, sending))
    }

    /// Closes the session if its connection has ended.
    fn check(&self) {
        self.receiver.check_connection();
    }
}

impl Receiver {
    async fn run(&self, inbound: &mut Inbound, early: Vec<InboundItem>, sending: Option<Sending>) {
        // Notifications queued elsewhere end with the session too.
        if !self.closing.is_closed() {
            early.into_iter().for_each(|item| self.item(item));
        }
        let reason = self.receive(inbound, sending).await;
        let is_dead = reason.as_ref().is_some_and(|it| it.kind() == TransportErrorKind::Timeout);
        self.over(reason);
        if is_dead {
            // Pending requests fail too.
            let _ = self.transport.close().await;
        }
    }

    /// Closes the session if its connection has already ended. Needs no task.
    fn check_connection(&self) {
        let closed = pin!(self.transport.closed());
        if let Poll::Ready(reason) = closed.poll(&mut Context::from_waker(Waker::noop())) {
            self.over(Some(reason));
        }
    }

    /// Closes the session after the end of its connection.
    fn over(&self, reason: Option<TransportError>) {
        tracing::debug!(server = %self.notifications.server, ?reason, "the connection has ended");
        self.closing.over(&self.notifications.server, reason);
        self.server_requests.end();
    }

    /// Waits for the end of the connection, and returns the reason if known.
    async fn receive(
        &self,
        inbound: &mut Inbound,
        mut sending: Option<Sending>,
    ) -> Option<TransportError> {
        // It ends at once, which says nothing about the connection.
        let reads = !inbound.is_none();
        let mut closed = pin!(self.transport.closed());
        let mut pinging = pin!(self.ping());
        let mut pace = Pace::default();
        loop {
            let next_item = {
                let mut next = pin!(inbound.next());
                poll_fn(|cx| {
                    if let Some(Poll::Ready(sent)) =
                        sending.as_mut().map(|sending| sending.as_mut().poll(cx))
                    {
                        sending = None;
                        self.sent(sent);
                    }
                    if reads && let Poll::Ready(next) = next.as_mut().poll(cx) {
                        return Poll::Ready(match next {
                            Some(Ok(item)) => Next::Item(item),
                            Some(Err(error)) => Next::Over(Some(error)),
                            None => Next::Over(None),
                        });
                    }
                    if let Poll::Ready(dead) = pinging.as_mut().poll(cx) {
                        return Poll::Ready(Next::Over(Some(dead)));
                    }
                    closed.as_mut().poll(cx).map(|reason| Next::Over(Some(reason)))
                })
                .await
            };
            match next_item {
                Next::Item(item) => self.item(item),
                Next::Over(Some(reason)) => return Some(reason),
                // The transport may have a more specific reason than the stream.
                Next::Over(None) => {
                    let closed = poll_fn(|cx| Poll::Ready(closed.as_mut().poll(cx))).await;
                    return match closed {
                        Poll::Ready(reason) => Some(reason),
                        Poll::Pending => None,
                    };
                }
            }
            if pace.is_over() {
                pace.pause().await;
            }
        }
    }

    /// Pings the server at the interval, until it does not respond in time.
    async fn ping(&self) -> TransportError {
        let Some((version, interval)) = self.pings else { return pending().await };
        let mut number = 0_u64;
        loop {
            sleep(interval).await;
            number += 1;
            // A string id, so that it is not the id of a call.
            let request = Request::new(format!("ping-{number}"), method::PING);
            let envelope = Envelope::new(request).with_version(version);
            let envelope = envelope.with_idle_limit(IdleLimit::Caller);
            let pinging = async { self.transport.request(envelope).await?.response().await };
            match timeout(interval, pinging).await {
                // An error response also shows that the server is alive.
                Ok(Ok(_)) => {}
                Ok(Err(error)) if !error.is_closed() => tracing::debug!(%error, "a ping failed"),
                Ok(Err(error)) => return error,
                Err(_) => {
                    let text = format!("no answer to a ping within {interval:?}");
                    return TransportError::new(TransportErrorKind::Timeout, text);
                }
            }
        }
    }

    fn sent(&self, sent: Result<(), Error>) {
        if let Err(error) = sent {
            let server = &self.notifications.server;
            tracing::warn!(%server, %error, "the server did not accept a notification");
        }
    }

    fn item(&self, item: InboundItem) {
        let message = match item {
            InboundItem::Message(message) => message,
            InboundItem::Gap(gap) => return self.notifications.gap(gap),
        };
        match message {
            Message::Request(request) => self.server_requests.answer(request, None),
            Message::Notification(notification)
                if notification.method == method::NOTIFICATIONS_CANCELLED =>
            {
                self.server_requests.cancelled(&notification);
            }
            Message::Notification(notification) => {
                let server = &self.notifications.server;
                let extensions = |it: &_| self.extensions.on_notification(server, it);
                self.notifications.dispatch(&notification, extensions, || None);
            }
            Message::Response(response) => {
                tracing::debug!(?response.id, "a response that matches no request");
            }
        }
    }
}

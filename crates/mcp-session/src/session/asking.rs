//! One message to the server, and what comes of it.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use mcp_core::{Message, Notification, ProgressNotificationParams, RawJson, Request, method};
use mcp_transport::{
    Delivery, Envelope, Exchange, IdleLimit, OneWay, Routing, TraceContext, Transport,
};

use crate::{Error, ErrorKind, Session, Timeout, handlers::CallInfo};

impl Session {
    /// Carries a request through its exchange: the result, or whatever came instead.
    pub(crate) async fn ask(
        &self,
        request: Request,
        timeout: Timeout,
        on_progress: Option<&(dyn Fn(ProgressNotificationParams) + Send + Sync)>,
        routing: Option<Box<Routing>>,
        trace: Option<Box<TraceContext>>,
        call: impl Fn() -> CallInfo,
    ) -> Result<RawJson, Error> {
        let inner = &*self.inner;
        let below = |error| Error::from_transport(Arc::clone(&inner.server), error);
        let version = inner.verdict.protocol_version;
        let mut deadline = inner.timers.deadline(timeout);
        // A server that waits for a person here is not silent.
        let waited_until = || inner.incoming.answering().waited_until();
        let listens = request.method == method::SUBSCRIPTIONS_LISTEN;
        // However it ends: nothing more is heard.
        let _listening = self.cache().filter(|_| listens).map(|cache| cache.listen(&request.id));
        let mut envelope = Envelope::new(request)
            .with_version(version)
            .with_idle_limit(IdleLimit::Caller)
            .with_routing(routing)
            .with_trace(trace);
        envelope.is_long_lived = listens;
        let mut exchange = {
            let mut opening = std::pin::pin!(inner.transport.request(envelope));
            poll_fn(|cx| match opening.as_mut().poll(cx) {
                Poll::Ready(exchange) => Poll::Ready(exchange.map_err(below)),
                Poll::Pending => {
                    deadline.poll_unless(cx, waited_until).map(|limit| Err(self.late(limit)))
                }
            })
            .await?
        };
        let mut progressed = None;
        loop {
            let item = poll_fn(|cx| match exchange.poll_item(cx) {
                Poll::Ready(item) => Poll::Ready(Ok(item)),
                Poll::Pending => {
                    deadline.poll_unless(cx, waited_until).map(|limit| Err(self.late(limit)))
                }
            })
            .await?;
            match item {
                Some(Ok(Message::Response(response))) => {
                    return response
                        .outcome
                        .map_err(|error| Error::from_answer(Arc::clone(&inner.server), error));
                }
                Some(Ok(Message::Notification(notification))) => {
                    deadline.heard();
                    self.heard(&notification, on_progress, &mut progressed, &call);
                }
                Some(Ok(Message::Request(request))) => {
                    deadline.heard();
                    inner.incoming.answering().take(request, Some(call()));
                }
                Some(Err(error)) => return Err(below(error)),
                None => {
                    let error = self.error(ErrorKind::Closed, "the exchange is over");
                    return Err(error.with_delivery(Delivery::Unknown));
                }
            }
        }
    }

    /// Opens an exchange for whoever reads it.
    pub(crate) async fn begin(
        &self,
        request: Request,
        trace: Option<Box<TraceContext>>,
    ) -> Result<Exchange, Error> {
        let envelope = Envelope::new(request)
            .with_version(self.inner.verdict.protocol_version)
            .with_idle_limit(IdleLimit::Caller)
            .with_trace(trace)
            .long_lived();
        let opened = self.inner.transport.request(envelope).await;
        opened.map_err(|error| self.below(error))
    }

    /// Takes a notification that belongs to no call.
    pub(crate) fn notice(&self, notification: &Notification) {
        self.inner.notices.tell(notification, || None);
    }

    /// Some carriers accept a request only with its answer, so nobody knows how far a late one got.
    pub(crate) fn late(&self, limit: Duration) -> Error {
        self.error(ErrorKind::Timeout, format!("no answer within {limit:?}"))
            .with_delivery(Delivery::Unknown)
    }

    fn heard(
        &self,
        notification: &Notification,
        on_progress: Option<&(dyn Fn(ProgressNotificationParams) + Send + Sync)>,
        progressed: &mut Option<f64>,
        call: &impl Fn() -> CallInfo,
    ) {
        if notification.method == method::NOTIFICATIONS_PROGRESS {
            let progress = mcp_core::decode_params(notification.params.as_ref());
            let progress: Result<ProgressNotificationParams, _> = progress;
            match (progress, on_progress) {
                (Ok(progress), Some(on_progress)) => {
                    // It has to grow, and what does not is late or made up.
                    let now = progress.progress.to_f64();
                    if progressed.is_none_or(|before| now > before) {
                        *progressed = Some(now);
                        let told = catch_unwind(AssertUnwindSafe(|| on_progress(progress)));
                        if told.is_err() {
                            tracing::error!("the handler of progress panicked");
                        }
                    }
                }
                (Ok(_), None) => {}
                (Err(error), _) => tracing::debug!(%error, "progress that cannot be read"),
            }
        } else if notification.method == method::NOTIFICATIONS_CANCELLED {
            self.inner.incoming.answering().cancelled(notification);
        } else {
            self.inner.notices.tell(notification, || Some(call()));
        }
    }

    async fn pass(&self, message: OneWay, trace: Option<Box<TraceContext>>) -> Result<(), Error> {
        let envelope = Envelope::new(message)
            .with_version(self.inner.verdict.protocol_version)
            .with_idle_limit(IdleLimit::Caller)
            .with_trace(trace);
        let sent = self.inner.transport.send(envelope).await;
        sent.map_err(|error| Error::from_transport(Arc::clone(&self.inner.server), error))
    }

    pub(super) async fn send(
        &self,
        message: OneWay,
        trace: Option<Box<TraceContext>>,
    ) -> Result<(), Error> {
        let mut deadline = self.inner.timers.deadline(self.default_timeout());
        let mut sending = std::pin::pin!(self.pass(message, trace));
        poll_fn(|cx| match sending.as_mut().poll(cx) {
            Poll::Ready(sent) => Poll::Ready(sent),
            Poll::Pending => deadline.poll(cx).map(|limit| {
                let message = format!("the server did not take it within {limit:?}");
                Err(self.error(ErrorKind::Timeout, message).with_delivery(Delivery::Unknown))
            }),
        })
        .await
    }
}

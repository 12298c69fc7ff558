//! Sends one message to the server, and reads its exchange.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
};

use mcp_core::{
    Message, Notification, ProgressNotificationParams, RawJson, Request, decode_params, method,
};
use mcp_transport::{
    Background, Delivery, Envelope, EnvelopeMessage, Exchange, IdleLimit, OneWay, Routing,
    TraceContext, Transport,
};

use crate::{
    CallInfo, Error, ErrorKind, Session, Timeout,
    deadline::{Deadline, Reached},
    pace::Pace,
};

/// A request on its way to the server.
enum Opening<F> {
    Opened(Result<Exchange, mcp_transport::Error>),
    Waiting(F),
}

/// How a request is sent, and how its messages are handled.
pub(crate) struct Outgoing<'a> {
    pub(crate) idle_limit: IdleLimit,
    /// Whether the result is decoded here, so that the transport need not validate it.
    pub(crate) skips_validation: bool,
    pub(crate) routing: Option<Box<Routing>>,
    pub(crate) trace: Option<Box<TraceContext>>,
    pub(crate) on_progress: Option<&'a (dyn Fn(ProgressNotificationParams) + Send + Sync)>,
}

impl Session {
    /// Sends a request and reads its exchange to the end: the result or the error.
    pub(crate) async fn ask(
        &self,
        request: Request,
        outgoing: Outgoing<'_>,
        deadline: &mut Deadline<'_>,
        call: impl Fn() -> CallInfo,
    ) -> Result<RawJson, Error> {
        let inner = self.inner();
        // However it ends: later changes are not reported.
        let _listening =
            self.cache().filter(|_| request.is_long_lived()).map(|cache| cache.listen(&request.id));
        let on_progress = outgoing.on_progress;
        let held_until = || inner.held_until();
        let late = |reached| self.late(reached);
        let opened = match self.begin(request, outgoing) {
            Opening::Opened(opened) => opened,
            Opening::Waiting(opening) => {
                deadline.limit(pin!(opening), held_until).await.map_err(late)?
            }
        };
        let mut exchange = opened.map_err(|error| self.transport_error(error))?;
        let (mut progress, mut pace) = (None, Pace::default());
        loop {
            match deadline
                .limit_poll(|cx| exchange.poll_item(cx), held_until)
                .await
                .map_err(late)?
            {
                Some(Ok(Message::Response(response))) => {
                    let server = || inner.server.clone();
                    return response.outcome.map_err(|error| Error::from_answer(server(), error));
                }
                Some(Ok(Message::Notification(notification))) => {
                    self.notified(&notification, on_progress, &mut progress, &call);
                }
                Some(Ok(Message::Request(request))) => {
                    inner.server_requests.answer(request, Some(call()));
                }
                Some(Err(error)) => return Err(self.transport_error(error)),
                None => return Err(self.error(ErrorKind::Closed, "the exchange has ended")),
            }
            deadline.restart_idle().map_err(late)?;
            if pace.is_over() {
                pace.pause().await;
            }
        }
    }

    /// Sends a request, if the transport accepts it at once. Apart from the future of a call, in which the
    /// request would take room to the end.
    fn begin(
        &self,
        request: Request,
        outgoing: Outgoing<'_>,
    ) -> Opening<impl Future<Output = Result<Exchange, mcp_transport::Error>>> {
        let inner = self.inner();
        inner.receiving.resume();
        let mut envelope = Envelope::new(request);
        envelope.version = Some(inner.verdict.protocol_version);
        envelope.idle_limit = outgoing.idle_limit;
        envelope.skips_validation = outgoing.skips_validation;
        envelope.routing = outgoing.routing;
        envelope.trace = outgoing.trace;
        let mut envelope = Some(envelope);
        if let Some(opened) = inner.transport.try_request(&mut envelope) {
            return Opening::Opened(opened);
        }
        match envelope {
            Some(envelope) => Opening::Waiting(inner.transport.request(envelope)),
            None => Opening::Opened(Err(mcp_transport::Error::new(
                mcp_transport::ErrorKind::Protocol,
                "the transport took the request and opened no exchange",
            ))),
        }
    }

    /// Opens an exchange that stays open, for its reader. `is_background`: no caller waits for it.
    pub(crate) async fn open_exchange(
        &self,
        request: Request,
        trace: Option<Box<TraceContext>>,
        is_background: bool,
    ) -> Result<Exchange, Error> {
        self.inner().receiving.resume();
        let mut envelope = Envelope::new(request)
            .with_version(self.inner().verdict.protocol_version)
            .with_idle_limit(IdleLimit::Caller)
            .with_trace(trace);
        if is_background {
            envelope = envelope.with_extension(Background);
        }
        let opened = self.inner().transport.request(envelope).await;
        opened.map_err(|error| self.transport_error(error))
    }

    /// Sends a one-way message, within the idle timeout of a call.
    pub(crate) async fn send(
        &self,
        message: OneWay,
        trace: Option<Box<TraceContext>>,
    ) -> Result<(), Error> {
        self.inner().receiving.resume();
        let envelope = Envelope::new(message)
            .with_version(self.inner().verdict.protocol_version)
            .with_idle_limit(IdleLimit::Caller)
            .with_trace(trace);
        let Timeout { idle, total } = self.default_timeout();
        let limit = idle.into_iter().chain(total).min();
        let mut deadline = self.inner().timers.deadline(Timeout::NONE.with_total(limit));
        let sent = deadline.limit_total(pin!(self.inner().transport.send(envelope))).await;
        let sent = sent.map_err(|Reached(limit)| {
            let message = format!("the server did not accept it within {limit:?}");
            self.error(ErrorKind::Timeout, message).with_delivery(Delivery::Unknown)
        })?;
        sent.map_err(|error| self.transport_error(error))
    }

    fn notified(
        &self,
        notification: &Notification,
        on_progress: Option<&(dyn Fn(ProgressNotificationParams) + Send + Sync)>,
        progress: &mut Option<f64>,
        call: &impl Fn() -> CallInfo,
    ) {
        match &*notification.method {
            // Progress of a task, sent on the stream of another request about it.
            method::NOTIFICATIONS_PROGRESS if on_progress.is_none() => {
                self.inner().notifications.task_progress.notify(notification);
            }
            method::NOTIFICATIONS_PROGRESS => match decode_params(notification.params.as_ref()) {
                Ok(params) => report(params, on_progress, progress),
                Err(error) => tracing::debug!(%error, "cannot decode a progress notification"),
            },
            method::NOTIFICATIONS_CANCELLED => self.inner().server_requests.cancelled(notification),
            _ => self.dispatch(notification, || Some(call())),
        }
    }
}

/// Reports progress, unless it does not exceed the previous value: then it is late or invalid.
fn report(
    params: ProgressNotificationParams,
    on_progress: Option<&(dyn Fn(ProgressNotificationParams) + Send + Sync)>,
    progress: &mut Option<f64>,
) {
    let Some(on_progress) = on_progress else { return };
    let now = params.progress.to_f64();
    if progress.is_some_and(|before| now <= before) {
        return;
    }
    *progress = Some(now);
    if catch_unwind(AssertUnwindSafe(|| on_progress(params))).is_err() {
        tracing::error!("the progress handler panicked");
    }
}

//! Sends one message to the server, and reads its exchange.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use mcp_core::{
    Message, Notification, ProgressNotificationParams, RawJson, Request, Response, decode_params,
    method,
};
use mcp_transport::{
    Background, Delivery, Envelope, EnvelopeMessage, Exchange, IdleLimit, OneWay, Routing,
    TraceContext, Transport, multiplex::invalid_response,
};
use serde_json::value::RawValue;

use crate::{
    CallInfo, Error, ErrorKind, Session, Timeout,
    deadline::{Deadline, Reached},
    pace::Pace,
};

/// A request on its way to the server, or its exchange.
pub(crate) enum Opening {
    Waiting(Pin<Box<dyn Future<Output = Result<Exchange, mcp_transport::Error>> + Send>>),
    Opened(Exchange),
    /// `None` once the error is taken.
    Failed(Option<mcp_transport::Error>),
}

impl Opening {
    /// The server that answers, if the peer forwarded the request.
    pub(crate) fn answered_by(&self) -> Option<&Arc<str>> {
        match self {
            Self::Opened(exchange) => exchange.answered_by(),
            Self::Waiting(_) | Self::Failed(_) => None,
        }
    }

    /// The first item of the exchange, or the error with which it could not be opened.
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Item> {
        loop {
            match self {
                Self::Opened(exchange) => return exchange.poll_item(cx),
                Self::Failed(error) => return Poll::Ready(error.take().map(Err)),
                Self::Waiting(opening) => {
                    let opened = ready!(opening.as_mut().poll(cx));
                    *self = opened.into();
                }
            }
        }
    }
}

impl From<Result<Exchange, mcp_transport::Error>> for Opening {
    fn from(opened: Result<Exchange, mcp_transport::Error>) -> Self {
        match opened {
            Ok(exchange) => Self::Opened(exchange),
            Err(error) => Self::Failed(Some(error)),
        }
    }
}

/// How a request is sent.
pub(crate) struct Outgoing {
    pub(crate) idle_limit: IdleLimit,
    /// Whether the result is decoded here, so that the transport need not validate it.
    pub(crate) skips_validation: bool,
    pub(crate) routing: Option<Box<Routing>>,
    pub(crate) trace: Option<Box<TraceContext>>,
}

/// The handler of the progress of a request.
pub(crate) type OnProgress<'a> = Option<&'a (dyn Fn(ProgressNotificationParams) + Send + Sync)>;

/// What a request got first.
pub(crate) enum First {
    /// Its end: the result, or the error.
    End(Result<RawJson, Error>),
    /// An item of its exchange that is no response, and the exchange.
    Item(Box<(Exchange, Item)>),
}

type Item = Option<Result<Message, mcp_transport::Error>>;

impl Session {
    /// Sends a request and reads its exchange to the end: the result or the error.
    pub(crate) async fn ask(
        &self,
        request: Request,
        outgoing: Outgoing,
        on_progress: OnProgress<'_>,
        deadline: &mut Deadline,
        call: impl Fn() -> CallInfo,
    ) -> Result<RawJson, Error> {
        // However it ends: later changes are not reported.
        let _listening =
            self.cache().filter(|_| request.is_long_lived()).map(|cache| cache.listen(&request.id));
        let mut opening = self.begin(request, outgoing);
        match poll_fn(|cx| self.poll_first(cx, &mut opening, deadline)).await {
            First::End(outcome) => self.validated(opening.answered_by(), outcome?),
            First::Item(first) => self.read(*first, on_progress, deadline, call).await,
        }
    }

    /// The result, unless a server that answers instead of the peer has sent one that is not valid JSON, so that the
    /// error names it. If the peer answers, that is noticed when the result is decoded.
    pub(crate) fn validated(
        &self,
        answered_by: Option<&Arc<str>>,
        result: RawJson,
    ) -> Result<RawJson, Error> {
        let Some(server) = answered_by else { return Ok(result) };
        match invalid(&result) {
            // The error of an invalid result is that of decoding it.
            None | Some(Err(_)) => Ok(result),
            Some(Ok(cause)) => {
                let text = format!("server {server:?} failed");
                let error = mcp_transport::Error::new(cause.kind(), text);
                let error = error.with_delivery(cause.delivery()).with_source(cause);
                Err(self.transport_error(error))
            }
        }
    }

    /// Polls for the first item of an exchange, which is the end of most.
    pub(crate) fn poll_first(
        &self,
        cx: &mut Context<'_>,
        opening: &mut Opening,
        deadline: &mut Deadline,
    ) -> Poll<First> {
        Poll::Ready(match opening.poll_first(cx) {
            Poll::Ready(Some(Ok(Message::Response(response)))) => {
                First::End(self.outcome(response))
            }
            Poll::Ready(item) => match std::mem::replace(opening, Opening::Failed(None)) {
                Opening::Opened(exchange) => First::Item(Box::new((exchange, item))),
                _ => First::End(self.unopened(item)),
            },
            Poll::Pending => {
                let reached = ready!(deadline.poll(cx, || self.inner().held_until()));
                First::End(Err(self.late(reached)))
            }
        })
    }

    fn unopened(&self, item: Item) -> Result<RawJson, Error> {
        match item {
            Some(Err(error)) => Err(self.transport_error(error)),
            _ => Err(self.error(ErrorKind::Closed, "the exchange has ended")),
        }
    }

    /// Reads an exchange to the end, after its first item.
    pub(crate) async fn read(
        &self,
        (mut exchange, mut item): (Exchange, Item),
        on_progress: OnProgress<'_>,
        deadline: &mut Deadline,
        call: impl Fn() -> CallInfo,
    ) -> Result<RawJson, Error> {
        let inner = self.inner();
        let late = |reached| self.late(reached);
        let (mut progress, mut pace) = (None, Pace::default());
        loop {
            match item {
                Some(Ok(Message::Response(response))) => {
                    return self.validated(exchange.answered_by(), self.outcome(response)?);
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
            let next = deadline.limit_poll(|cx| exchange.poll_item(cx), || inner.held_until());
            item = next.await.map_err(late)?;
        }
    }

    fn outcome(&self, response: Response) -> Result<RawJson, Error> {
        let server = || self.inner().server.clone();
        response.outcome.map_err(|error| Error::from_answer(server(), error))
    }

    /// Sends a request, if the transport accepts it at once. Apart from the future of a call, in which the
    /// request would take room to the end.
    pub(crate) fn begin(&self, request: Request, outgoing: Outgoing) -> Opening {
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
            return opened.into();
        }
        match envelope {
            Some(envelope) => Opening::Waiting(inner.transport.request(envelope)),
            None => Opening::Failed(Some(mcp_transport::Error::new(
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
        on_progress: OnProgress<'_>,
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

/// Why a result that the transport has not validated is not valid JSON: the error of its response, or if that is valid,
/// of the result.
#[cold]
pub(crate) fn invalid(result: &RawJson) -> Option<Result<mcp_transport::Error, serde_json::Error>> {
    // Unlike other types, this one accepts only UTF-8.
    let error = result.decode::<&RawValue>().err()?;
    let frame = result.clone().into_frame();
    Some(match Message::parse(frame.clone()) {
        Ok(_) => Err(error),
        Err(error) => Ok(invalid_response(&frame, error)),
    })
}

/// Reports progress, unless it does not exceed the previous value: then it is late or invalid.
fn report(
    params: ProgressNotificationParams,
    on_progress: OnProgress<'_>,
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

//! The exchange of a request: notifications of servers, then the response.

use std::{
    cell::RefCell,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use mcp_core::{
    ErrorObject, Message, Notification, ProgressNotificationParams, ProgressToken, RawJson,
    RawObject, Request, RequestId, Response, error_code, method,
};
use mcp_transport::{Error, Exchange, Inbound, InboundItem, InboundSender, Limits};

use crate::{error::RequestError, parked::Parked, pending::Pending};

tokio::task_local! {
    /// The outbox of the exchange being polled, which receives the notifications of servers.
    static CURRENT: RefCell<Outbox>;
}

/// Sends a notification on the exchange being polled. Returns it if there is none.
pub(crate) fn send(notification: Notification) -> Option<Notification> {
    let mut notification = Some(notification);
    // Outside an exchange, the notification is not taken.
    let _ = CURRENT.try_with(|outbox| {
        notification.take().into_iter().for_each(|it| outbox.borrow_mut().push(it));
    });
    notification
}

/// Sends progress on the exchange being polled, with the token of its request, if that requests progress.
///
/// The request is not always the one that began the call: a call that waited for input is continued by another one.
///
/// Spec: basic/patterns/progress
pub(crate) fn send_progress(mut progress: ProgressNotificationParams) {
    let token = CURRENT.try_with(|outbox| outbox.borrow().progress_token.clone());
    let Ok(Some(token)) = token else { return };
    progress.progress_token = *token;
    match RawJson::from_serialize(&progress) {
        Ok(params) => {
            let progress = Notification::new(method::NOTIFICATIONS_PROGRESS);
            send(progress.with_params(params));
        }
        Err(error) => tracing::debug!(%error, "cannot forward a progress notification"),
    }
}

/// Sends a log message on the exchange being polled. Returns it if there is none, or if the request did not ask for log
/// messages.
///
/// Spec: server/utilities/logging
pub(crate) fn send_log(notification: Notification) -> Option<Notification> {
    match CURRENT.try_with(|outbox| outbox.borrow().wants_logs) {
        Ok(true) => send(notification),
        _ => Some(notification),
    }
}

/// The exchange of a request: the notifications sent by servers during `work`, in order, then its response.
///
/// No task is spawned, so dropping the exchange drops its calls to servers.
pub(crate) fn relay(
    id: RequestId,
    outbox: Outbox,
    asks: Option<Asks>,
    work: impl Future<Output = Result<RawJson, RequestError>> + Send + Unpin + 'static,
) -> Exchange {
    let relay = Relay { id: id.clone(), work: Some(work), outbox, asks, response: None };
    Exchange::from_stream(id, relay)
}

/// The exchange of a failed request.
pub(crate) fn failed(id: RequestId, error: RequestError) -> Exchange {
    match error {
        RequestError::Response(error) => Exchange::answered(id.clone(), Response::error(id, error)),
        RequestError::Transport(error) => {
            Exchange::from_stream(id, futures_util::stream::iter([Err(error)]))
        }
    }
}

/// The requests of servers for the client of an exchange.
pub(crate) struct Asks {
    pub(crate) inbound: Inbound,
    /// `None` in the legacy era, where the client receives them on the exchange.
    pub(crate) park: Option<Park>,
}

/// Where the call of a modern client waits for input.
pub(crate) struct Park {
    pub(crate) parked: Arc<Parked<Suspended>>,
    pub(crate) key: String,
    pub(crate) pending: Arc<Pending>,
}

/// A call that waits for input.
pub(crate) struct Suspended {
    work: Work,
    inbound: Inbound,
    park: Park,
    /// The requests that the client received.
    asked: Vec<RequestId>,
}

impl Suspended {
    /// Continues the call with the client's responses, in the exchange of the repeated request.
    pub(crate) fn resume(self, id: RequestId, outbox: Outbox, responses: RawObject) -> Exchange {
        let Self { work, inbound, park, asked } = self;
        for asked in asked {
            let outcome = responses.json(&input_name(&asked)).ok_or_else(|| {
                ErrorObject::new(error_code::INTERNAL_ERROR, "the client sent no response")
            });
            park.pending.answer(&asked, outcome);
        }
        let asks = Some(Asks { inbound, park: Some(park) });
        let relay = Relay { id: id.clone(), work: Some(work), outbox, asks, response: None };
        Exchange::from_stream(id, relay)
    }
}

/// The name of a request of a server in an `input_required` result.
fn input_name(id: &RequestId) -> String {
    match id {
        RequestId::Number(number) => number.to_string(),
        RequestId::String(text) => text.clone(),
    }
}

/// Notifications sent by servers during a request, until the client reads them.
#[derive(Default)]
pub(crate) struct Outbox {
    wants_logs: bool,
    progress_token: Option<Box<ProgressToken>>,
    /// Created on demand, since most requests have no notifications.
    queue: Option<Box<(InboundSender, Inbound)>>,
}

impl Outbox {
    /// For a request that may ask for log messages, and for progress with a token.
    pub(crate) fn new(wants_logs: bool, progress_token: Option<ProgressToken>) -> Self {
        Self { wants_logs, progress_token: progress_token.map(Box::new), queue: None }
    }

    fn push(&mut self, notification: Notification) {
        let queue = self.queue.get_or_insert_with(|| Inbound::channel(&Limits::default()).into());
        if queue.0.push(notification.into()).is_err() {
            tracing::debug!("dropped a notification during a call: the queue is full");
        }
    }

    fn pop(&mut self) -> Option<Message> {
        let (_, inbound) = &mut **self.queue.as_mut()?;
        // The queue is filled only by the work, which the same task polls.
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match Pin::new(&mut *inbound).poll_next(&mut cx) {
                Poll::Ready(Some(Ok(InboundItem::Message(message)))) => return Some(message),
                Poll::Ready(Some(Ok(InboundItem::Gap(gap)))) => {
                    tracing::debug!(%gap, "notifications during a call were dropped");
                }
                Poll::Ready(Some(Err(_)) | None) | Poll::Pending => return None,
            }
        }
    }
}

type Work = Pin<Box<dyn Future<Output = Result<RawJson, RequestError>> + Send>>;

struct Relay<W> {
    id: RequestId,
    /// `None` once the work is done.
    work: Option<W>,
    outbox: Outbox,
    asks: Option<Asks>,
    response: Option<Result<Message, Error>>,
}

impl<W> Relay<W>
where
    W: Future<Output = Result<RawJson, RequestError>> + Send + Unpin + 'static,
{
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<Result<RawJson, RequestError>> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let outbox = RefCell::new(std::mem::take(&mut self.outbox));
        CURRENT.sync_scope(outbox, || {
            let polled = Pin::new(work).poll(cx);
            self.outbox = CURRENT.with(RefCell::take);
            polled
        })
    }

    /// The next message for the client about a request of a server.
    fn poll_asks(&mut self, cx: &mut Context<'_>) -> Poll<Message> {
        let Some(asks) = &mut self.asks else { return Poll::Pending };
        let mut requests = Vec::new();
        while let Poll::Ready(Some(item)) = Pin::new(&mut asks.inbound).poll_next(cx) {
            match item {
                Ok(InboundItem::Message(Message::Request(request))) if asks.park.is_some() => {
                    requests.push(request);
                }
                Ok(InboundItem::Message(message)) => return Poll::Ready(message),
                Ok(InboundItem::Gap(_)) | Err(_) => {}
            }
        }
        match requests.is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(self.suspend(requests)),
        }
    }

    /// Ends the exchange with an `input_required` result. The call at the server stays open.
    ///
    /// Spec: basic/patterns/mrtr
    fn suspend(&mut self, requests: Vec<Request>) -> Message {
        let id = self.id.clone();
        let suspended = match (self.work.take(), self.asks.take()) {
            (Some(work), Some(Asks { inbound, park: Some(park) })) => {
                let asked = requests.iter().map(|request| request.id.clone()).collect();
                Suspended { work: Box::pin(work), inbound, park, asked }
            }
            _ => unreachable!("only calls of modern clients that are not done are suspended"),
        };
        let (parked, key) = (Arc::clone(&suspended.park.parked), suspended.park.key.clone());
        let state = match parked.park(&key, suspended) {
            Ok(state) => state,
            Err(text) => {
                let error = ErrorObject::new(error_code::INTERNAL_ERROR, text);
                return Response::error(id, error).into();
            }
        };
        let mut inputs = RawObject::default();
        for Request { id, method, params, .. } in requests {
            let mut input = RawObject::default();
            input.set("method", &*method);
            if let Some(params) = params {
                input.push("params", params.as_bytes().to_vec());
            }
            inputs.set_object(&input_name(&id), &input);
        }
        let mut result = RawObject::default();
        result.set("resultType", "input_required");
        result.set_object("inputRequests", &inputs);
        result.set("requestState", &*state);
        Response::result(id, result.to_json()).into()
    }
}

impl<W> Stream for Relay<W>
where
    W: Future<Output = Result<RawJson, RequestError>> + Send + Unpin + 'static,
{
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(message) = this.outbox.pop() {
            return Poll::Ready(Some(Ok(message)));
        }
        if let Poll::Ready(outcome) = this.poll_work(cx) {
            this.work = None;
            let id = this.id.clone();
            this.response = Some(match outcome {
                Ok(result) => Ok(Response::result(id, result).into()),
                Err(RequestError::Response(error)) => Ok(Response::error(id, error).into()),
                Err(RequestError::Transport(error)) => Err(error),
            });
        }
        if let Some(message) = this.outbox.pop() {
            return Poll::Ready(Some(Ok(message)));
        }
        if this.work.is_some()
            && let Poll::Ready(message) = this.poll_asks(cx)
        {
            return Poll::Ready(Some(Ok(message)));
        }
        match (this.response.take(), &this.work) {
            (None, Some(_)) => Poll::Pending,
            (response, _) => Poll::Ready(response),
        }
    }
}

//! The exchange of a request: notifications of servers, then the response.

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use mcp_core::{Message, Notification, RawJson, RequestId, Response};
use mcp_transport::{Error, Exchange, Inbound, InboundItem, InboundSender, Limits};

use crate::error::RequestError;

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
    wants_logs: bool,
    work: impl Future<Output = Result<RawJson, RequestError>> + Send + 'static,
) -> Exchange {
    let outbox = Outbox { wants_logs, queue: None };
    let relay = Relay { id: id.clone(), work: Some(Box::pin(work)), outbox, response: None };
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

/// Notifications sent by servers, until the client reads them.
#[derive(Default)]
struct Outbox {
    wants_logs: bool,
    /// Created on demand, since most requests have no notifications.
    queue: Option<(InboundSender, Inbound)>,
}

impl Outbox {
    fn push(&mut self, notification: Notification) {
        let queue = self.queue.get_or_insert_with(|| Inbound::channel(&Limits::default()));
        if queue.0.push(notification.into()).is_err() {
            tracing::debug!("dropped a notification during a call: the queue is full");
        }
    }

    fn pop(&mut self) -> Option<Message> {
        let (_, inbound) = self.queue.as_mut()?;
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

struct Relay {
    id: RequestId,
    /// `None` once the work is done.
    work: Option<Work>,
    outbox: Outbox,
    response: Option<Result<Message, Error>>,
}

impl Relay {
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<Result<RawJson, RequestError>> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let outbox = RefCell::new(std::mem::take(&mut self.outbox));
        CURRENT.sync_scope(outbox, || {
            let polled = work.as_mut().poll(cx);
            self.outbox = CURRENT.with(RefCell::take);
            polled
        })
    }
}

impl Stream for Relay {
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
        match (this.response.take(), &this.work) {
            (None, Some(_)) => Poll::Pending,
            (response, _) => Poll::Ready(response),
        }
    }
}

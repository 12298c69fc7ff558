//! The exchange of a request: what servers send while it is worked on, and then its response.

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use mcp_core::{Message, Notification, RawJson, RequestId, Response};
use mcp_transport::{Error, Exchange, Inbound, InboundItem, InboundSender, Limits};

use crate::failure::Failure;

/// What a request of the group ends with.
pub(crate) type Answer = Result<RawJson, Failure>;

type Work = Pin<Box<dyn Future<Output = Answer> + Send>>;

tokio::task_local! {
    /// Of the exchange whose work is being polled: what a server sends meanwhile belongs to it.
    static CURRENT: RefCell<Outbox>;
}

/// What servers have sent while a request was worked on, until its reader has it.
#[derive(Default)]
struct Outbox {
    /// Log messages were asked for.
    with_log: bool,
    /// Most requests need none.
    queue: Option<(InboundSender, Inbound)>,
}

impl Outbox {
    fn push(&mut self, notification: Notification) {
        let queue = self.queue.get_or_insert_with(|| Inbound::channel(&Limits::default()));
        if queue.0.push(notification.into()).is_err() {
            tracing::debug!("a server sends more during a call than can be passed on");
        }
    }

    fn pop(&mut self) -> Option<Message> {
        let (_, inbound) = self.queue.as_mut()?;
        // Only the work fills it, which is polled by the same task.
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match Pin::new(&mut *inbound).poll_next(&mut cx) {
                Poll::Ready(Some(Ok(InboundItem::Message(message)))) => return Some(message),
                Poll::Ready(Some(Ok(InboundItem::Gap(gap)))) => {
                    tracing::debug!(%gap, "a server sends more during a call than is read");
                }
                Poll::Ready(Some(Err(_)) | None) | Poll::Pending => return None,
            }
        }
    }
}

/// Puts a notification on the exchange that is being polled; gives it back where there is none.
pub(crate) fn say(notification: Notification) -> Option<Notification> {
    let mut notification = Some(notification);
    // Without an exchange, nothing is taken.
    let _ = CURRENT.try_with(|outbox| {
        notification.take().into_iter().for_each(|it| outbox.borrow_mut().push(it));
    });
    notification
}

/// The same with a log message, which also comes back from an exchange that did not ask for any.
///
/// Spec: server/utilities/logging
pub(crate) fn log(notification: Notification) -> Option<Notification> {
    match CURRENT.try_with(|outbox| outbox.borrow().with_log) {
        Ok(true) => say(notification),
        _ => Some(notification),
    }
}

/// The exchange of a request: what servers send during `work`, in order, then its answer. Nothing is
/// spawned, so that dropping the exchange drops the calls of servers in it.
pub(crate) fn relay(
    id: RequestId,
    with_log: bool,
    work: impl Future<Output = Answer> + Send + 'static,
) -> Exchange {
    let outbox = Outbox { with_log, queue: None };
    let relay = Relay { id: id.clone(), work: Some(Box::pin(work)), outbox, last: None };
    Exchange::from_stream(id, relay)
}

struct Relay {
    id: RequestId,
    /// `None` once it is done.
    work: Option<Work>,
    outbox: Outbox,
    last: Option<Result<Message, Error>>,
}

impl Relay {
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
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
        if let Poll::Ready(answer) = this.poll_work(cx) {
            this.work = None;
            this.last = Some(match answer {
                Ok(result) => Ok(Response::result(this.id.clone(), result).into()),
                Err(Failure::Answer(error)) => Ok(Response::error(this.id.clone(), error).into()),
                Err(Failure::Below(error)) => Err(error),
            });
        }
        if let Some(message) = this.outbox.pop() {
            return Poll::Ready(Some(Ok(message)));
        }
        match (this.last.take(), &this.work) {
            (None, Some(_)) => Poll::Pending,
            (last, _) => Poll::Ready(last),
        }
    }
}

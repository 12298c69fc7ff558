use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::{Message, Notification, RawJson, RequestId, Response};
use mcp_transport::{Error, Exchange};

use crate::failure::Failure;

/// What a request of the group ends with.
pub(crate) type Answer = Result<RawJson, Failure>;

type Work = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Messages that one poll of a call may bring; more are dropped.
const LIMIT: usize = 1024;

tokio::task_local! {
    /// The exchange whose work is being polled: what a server says meanwhile belongs to it.
    static CURRENT: Said;
}

/// What servers have said while a request was worked on, until its reader has it.
#[derive(Clone, Default)]
pub(crate) struct Said {
    queue: Arc<Mutex<VecDeque<Message>>>,
    /// Log messages were asked for.
    with_log: bool,
}

impl Said {
    pub(crate) fn new(with_log: bool) -> Self {
        Self { queue: Arc::default(), with_log }
    }

    pub(crate) fn push(&self, message: impl Into<Message>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.len() < LIMIT {
            true => queue.push_back(message.into()),
            false => tracing::debug!("a server says more during a call than can be passed on"),
        }
    }

    fn pop(&self) -> Option<Message> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Puts a notification on the exchange that is being polled; gives it back where there is none.
pub(crate) fn say(notification: Notification) -> Option<Notification> {
    CURRENT.try_with(Clone::clone).map_or(Some(notification.clone()), |said| {
        said.push(notification);
        None
    })
}

/// The same with a log message, which also comes back from an exchange that did not ask for any.
///
/// Spec: server/utilities/logging
pub(crate) fn log(notification: Notification) -> Option<Notification> {
    match CURRENT.try_with(|said| said.with_log) {
        Ok(true) => say(notification),
        _ => Some(notification),
    }
}

/// The exchange of a request: what servers say during `work`, in order, then its answer. Nothing is
/// spawned, so that dropping the exchange drops the calls of servers in it.
pub(crate) fn relay(
    id: RequestId,
    said: Said,
    work: impl Future<Output = Answer> + Send + 'static,
) -> Exchange {
    let work: Work = Box::pin(CURRENT.scope(said.clone(), work));
    let relay = Relay { id: id.clone(), work: Some(work), said, last: None };
    Exchange::from_stream(id, relay)
}

struct Relay {
    id: RequestId,
    /// `None` once it is done.
    work: Option<Work>,
    said: Said,
    last: Option<Result<Message, Error>>,
}

impl Stream for Relay {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(message) = this.said.pop() {
            return Poll::Ready(Some(Ok(message)));
        }
        if let Some(work) = &mut this.work {
            if let Poll::Ready(answer) = work.as_mut().poll(cx) {
                this.work = None;
                this.last = Some(match answer {
                    Ok(result) => Ok(Response::result(this.id.clone(), result).into()),
                    Err(Failure::Answer(error)) => {
                        Ok(Response::error(this.id.clone(), error).into())
                    }
                    Err(Failure::Below(error)) => Err(error),
                });
            }
            if let Some(message) = this.said.pop() {
                return Poll::Ready(Some(Ok(message)));
            }
        }
        match (this.last.take(), &this.work) {
            (None, Some(_)) => Poll::Pending,
            (last, _) => Poll::Ready(last),
        }
    }
}

use std::{
    collections::{HashMap, hash_map::Entry},
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use mcp_core::{RequestId, Response};
use mcp_http::HttpService;
use mcp_transport::{Delivery, Error, ErrorKind};
use tokio::sync::Notify;

use crate::{error::closed, head::Head, shared::Shared};

/// The requests that are under way. Each gets its answer on its own HTTP response; the table is for what
/// comes from elsewhere: the close, a response on another stream, a second request of the same id.
#[derive(Default)]
pub(crate) struct Flights {
    open: Mutex<HashMap<RequestId, Slot>>,
    closed: AtomicBool,
    /// Wakes those who wait for the close.
    closing: Notify,
}

#[derive(Default)]
struct Slot {
    waker: Option<Waker>,
    response: Option<Response>,
}

/// How a request ended other than on its own HTTP response.
pub(crate) enum Ended {
    /// The response came on another stream.
    Answered(Response),
    /// The transport was closed.
    Closed,
}

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Slot>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Waits for the close.
    pub(crate) async fn closed(&self) {
        let mut closing = pin!(self.closing.notified());
        // Registered before looking, or a close in between would be missed.
        closing.as_mut().enable();
        if !self.is_closed() {
            closing.await;
        }
    }

    fn open(&self, id: &RequestId) -> Result<(), Error> {
        let mut open = self.lock();
        if self.is_closed() {
            return Err(closed().with_delivery(Delivery::NotSent));
        }
        match open.entry(id.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(Slot::default());
                Ok(())
            }
            Entry::Occupied(_) => {
                let text = format!("a request with the id {id} is in flight already");
                Err(Error::new(ErrorKind::InvalidRequest, text).with_delivery(Delivery::NotSent))
            }
        }
    }

    /// Hands over a response that came on another stream than its own; gives it back if nobody waits
    /// for it.
    ///
    /// Spec: 2025-11-25 basic/utilities/tasks#input-required-status
    pub(crate) fn deliver(&self, response: Response) -> Result<(), Response> {
        let waker = {
            let mut open = self.lock();
            let slot = response.id.as_ref().and_then(|id| open.get_mut(id));
            match slot {
                Some(slot) if slot.response.is_none() => {
                    slot.response = Some(response);
                    slot.waker.take()
                }
                _ => return Err(response),
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Ends all, and refuses new ones; whether that is new.
    pub(crate) fn close(&self) -> bool {
        let wakers: Vec<_> = {
            let mut open = self.lock();
            if self.closed.swap(true, Ordering::AcqRel) {
                return false;
            }
            open.values_mut().filter_map(|slot| slot.waker.take()).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
        self.closing.notify_waiters();
        true
    }

    fn poll(&self, id: &RequestId, cx: &mut Context<'_>) -> Poll<Ended> {
        let mut open = self.lock();
        if self.is_closed() {
            return Poll::Ready(Ended::Closed);
        }
        let Some(slot) = open.get_mut(id) else { return Poll::Pending };
        if let Some(response) = slot.response.take() {
            return Poll::Ready(Ended::Answered(response));
        }
        match &mut slot.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

/// One request that is under way. Dropping it before its end cancels the request where the era wants a
/// message for that.
pub(crate) struct Flight<S: HttpService> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) id: RequestId,
    cancel: Option<Arc<Head>>,
}

impl<S: HttpService> Flight<S> {
    /// Enters a request. `cancel` is the head of the message that cancels it, where one does.
    pub(crate) fn open(
        shared: &Arc<Shared<S>>,
        id: &RequestId,
        cancel: Option<Arc<Head>>,
    ) -> Result<Self, Error> {
        shared.flights.open(id)?;
        Ok(Self { shared: Arc::clone(shared), id: id.clone(), cancel })
    }

    /// The request has ended: there is nothing left to cancel.
    pub(crate) fn finish(&mut self) {
        self.cancel = None;
    }

    /// Ready when the request has ended other than on its own HTTP response.
    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.shared.flights.poll(&self.id, cx)
    }

    /// What `future` gives, unless the request ends before.
    pub(crate) async fn race<F: Future>(&self, future: F) -> Result<F::Output, Ended> {
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_ended(cx).map(Err),
        })
        .await
    }
}

impl<S: HttpService> Drop for Flight<S> {
    fn drop(&mut self) {
        let Flight { shared, id, cancel } = self;
        // The slot may hold wakers and messages, whose drop must not run under the lock.
        let slot = shared.flights.lock().remove(id);
        drop(slot);
        if let Some(head) = cancel.take()
            && !shared.flights.is_closed()
        {
            shared.cancel(id, head);
        }
    }
}

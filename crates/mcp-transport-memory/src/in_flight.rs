use std::{
    collections::{HashMap, hash_map::Entry},
    hash::BuildHasherDefault,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use mcp_core::RequestId;
use mcp_transport::{Delivery, Error, ErrorKind, multiplex::IdHasher};
use tokio::sync::Notify;

pub(crate) fn closed(delivery: Delivery) -> Error {
    Error::new(ErrorKind::Closed, "the connection was closed").with_delivery(delivery)
}

/// What `close` has to know of.
#[derive(Default)]
pub(crate) struct Shared {
    /// Set under the lock, so that nobody parks behind the back of `close`.
    closed: AtomicBool,
    state: Mutex<State>,
    /// Wakes those who wait for the close.
    closing: Notify,
}

#[derive(Default)]
pub(crate) struct State {
    /// The requests in flight, and who waits for each.
    pub(crate) in_flight: HashMap<RequestId, Option<Waker>, BuildHasherDefault<IdHasher>>,
    pub(crate) inbound: Option<Waker>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Waits for `close`.
    pub(crate) async fn closed(&self) {
        let mut closing = pin!(self.closing.notified());
        // Registered before looking, or a close in between would be missed.
        closing.as_mut().enable();
        if !self.is_closed() {
            closing.await;
        }
    }

    /// Ends all that is in flight; `false` if that has been done before.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.lock();
        let was_open = !self.closed.swap(true, Ordering::AcqRel);
        let waiting = state.in_flight.values_mut().filter_map(Option::take);
        let mut wakers: Vec<Waker> = waiting.collect();
        wakers.extend(state.inbound.take());
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        self.closing.notify_waiters();
        was_open
    }
}

/// A place in the table, given back on drop.
pub(crate) struct InFlight {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: RequestId,
}

impl InFlight {
    pub(crate) fn register(shared: &Arc<Shared>, id: RequestId) -> Result<Self, Error> {
        let mut state = shared.lock();
        if shared.is_closed() {
            return Err(closed(Delivery::NotSent));
        }
        match state.in_flight.entry(id.clone()) {
            Entry::Vacant(entry) => entry.insert(None),
            Entry::Occupied(_) => {
                let text = format!("the id {id} is in flight already");
                return Err(
                    Error::new(ErrorKind::InvalidRequest, text).with_delivery(Delivery::NotSent)
                );
            }
        };
        Ok(Self { shared: Arc::clone(shared), id })
    }

    /// Waits for `close`.
    pub(crate) fn park(&self, cx: &Context<'_>) -> Poll<Error> {
        let mut state = self.shared.lock();
        if self.shared.is_closed() {
            return Poll::Ready(closed(Delivery::Unknown));
        }
        if let Some(waker) = state.in_flight.get_mut(&self.id) {
            park(waker, cx);
        }
        Poll::Pending
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.lock().in_flight.remove(&self.id);
    }
}

pub(crate) fn park(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

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

fn duplicate(id: &RequestId) -> Error {
    let text = format!("a request with the id {id} is already in flight");
    Error::new(ErrorKind::InvalidRequest, text).with_delivery(Delivery::NotSent)
}

/// The state of a connection: whether it is closed, and the tasks to be woken by a close.
#[derive(Default)]
pub(crate) struct ConnectionState {
    /// Set under the lock, so that no waker is registered after `close` has taken all of them.
    closed: AtomicBool,
    waiters: Mutex<Waiters>,
    /// Wakes the callers of `closed`.
    closing: Notify,
}

#[derive(Default)]
pub(crate) struct Waiters {
    /// The requests in flight, with the wakers of their tasks.
    pub(crate) in_flight: HashMap<RequestId, Option<Waker>, BuildHasherDefault<IdHasher>>,
    pub(crate) inbound: Option<Waker>,
}

impl ConnectionState {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether a request with this id may be sent.
    pub(crate) fn check(&self, id: &RequestId) -> Result<(), Error> {
        let waiters = self.lock();
        if self.is_closed() {
            return Err(closed(Delivery::NotSent));
        }
        match waiters.in_flight.contains_key(id) {
            true => Err(duplicate(id)),
            false => Ok(()),
        }
    }

    /// Waits for `close`.
    pub(crate) async fn closed(&self) {
        let mut closing = pin!(self.closing.notified());
        // Enabled before the state is checked, so that no close is missed in between.
        closing.as_mut().enable();
        if !self.is_closed() {
            closing.await;
        }
    }

    /// Closes the connection and wakes all tasks. Returns `false` if it was already closed.
    pub(crate) fn close(&self) -> bool {
        let mut waiters = self.lock();
        let was_open = !self.closed.swap(true, Ordering::AcqRel);
        let waiting = waiters.in_flight.values_mut().filter_map(Option::take);
        let mut wakers: Vec<Waker> = waiting.collect();
        wakers.extend(waiters.inbound.take());
        drop(waiters);
        wakers.into_iter().for_each(Waker::wake);
        self.closing.notify_waiters();
        was_open
    }
}

/// A request in flight. Dropping it releases its id.
pub(crate) struct InFlight {
    pub(crate) shared: Arc<ConnectionState>,
    pub(crate) id: RequestId,
}

impl InFlight {
    pub(crate) fn register(shared: &Arc<ConnectionState>, id: RequestId) -> Result<Self, Error> {
        let mut waiters = shared.lock();
        if shared.is_closed() {
            return Err(closed(Delivery::NotSent));
        }
        match waiters.in_flight.entry(id.clone()) {
            Entry::Vacant(entry) => entry.insert(None),
            Entry::Occupied(_) => return Err(duplicate(&id)),
        };
        Ok(Self { shared: Arc::clone(shared), id })
    }

    /// Polls for `close`.
    pub(crate) fn poll_closed(&self, cx: &Context<'_>) -> Poll<Error> {
        let mut waiters = self.shared.lock();
        if self.shared.is_closed() {
            return Poll::Ready(closed(Delivery::Unknown));
        }
        if let Some(waker) = waiters.in_flight.get_mut(&self.id) {
            register_waker(waker, cx);
        }
        Poll::Pending
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.lock().in_flight.remove(&self.id);
    }
}

pub(crate) fn register_waker(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

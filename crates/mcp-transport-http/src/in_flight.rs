use std::{
    collections::{HashMap, hash_map::Entry},
    hash::BuildHasherDefault,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use mcp_core::{RequestId, Response};
use mcp_transport::{Delivery, Error, ErrorKind, multiplex::IdHasher};

/// The requests in flight. Each receives its response on its own HTTP exchange; the table handles a response on another
/// stream, and a second request with the same id.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<Table>);

type Table = HashMap<RequestId, Slot, BuildHasherDefault<IdHasher>>;

#[derive(Default)]
struct Slot {
    waker: Option<Waker>,
    response: Option<Response>,
}

impl InFlight {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, id: &RequestId) -> Result<(), Error> {
        match self.lock().entry(id.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(Slot::default());
                Ok(())
            }
            Entry::Occupied(_) => {
                let text = format!("a request with the id {id} is already in flight");
                Err(Error::new(ErrorKind::InvalidRequest, text).with_delivery(Delivery::NotSent))
            }
        }
    }

    pub(crate) fn remove(&self, id: &RequestId) {
        // The slot may hold wakers and messages, which must not be dropped under the lock.
        let slot = self.lock().remove(id);
        drop(slot);
    }

    /// Delivers a response that arrived on another stream. Returns whether a request waits for it; none does for a late
    /// response, after a cancellation or timeout.
    ///
    /// Spec: 2025-11-25 basic/utilities/tasks#input-required-status
    pub(crate) fn deliver(&self, response: Response) -> bool {
        let waker = {
            let mut open = self.lock();
            let Some(id) = response.id.as_ref().and_then(|id| known(&open, id)) else {
                return false;
            };
            let Some(slot) = open.get_mut(&id) else { return false };
            slot.response.get_or_insert(response);
            slot.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
        true
    }

    /// Wakes every request after a close.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<_> =
            self.lock().values_mut().filter_map(|slot| slot.waker.take()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ready with the response to a request that arrived on another stream.
    pub(crate) fn poll(&self, id: &RequestId, cx: &mut Context<'_>) -> Poll<Response> {
        let mut open = self.lock();
        let Some(slot) = open.get_mut(id) else { return Poll::Pending };
        if let Some(response) = slot.response.take() {
            return Poll::Ready(response);
        }
        match &mut slot.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

/// The request in flight that matches an id from the server.
fn known(table: &Table, id: &RequestId) -> Option<RequestId> {
    if table.contains_key(id) {
        return Some(id.clone());
    }
    id.to_number().filter(|number| table.contains_key(number))
}

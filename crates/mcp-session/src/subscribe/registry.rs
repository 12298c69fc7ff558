//! The subscriptions of one session.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use mcp_core::Notification;
use mcp_transport::{Error as TransportError, ErrorKind, Gap};
use tokio::sync::Notify;

use super::{
    event::updated,
    feed::Feed,
    member::Member,
    state::{Order, State, Step},
};
use crate::Error;

/// Fans out notifications to subscriptions, and tracks which of them need which resource.
///
/// A resource is subscribed once for all that need it, and unsubscribed when none does. After a gap, in which the
/// server may have lost its subscriptions, each is requested again: at once for a subscription being opened, and after
/// the back-off delay for open ones.
pub(crate) struct Registry {
    server: Arc<str>,
    /// Most sessions have no subscription.
    is_used: AtomicBool,
    state: Mutex<State>,
    changed: Notify,
}

impl Registry {
    pub(crate) fn new(server: Arc<str>) -> Self {
        let (is_used, state, changed) = (AtomicBool::new(false), Mutex::default(), Notify::new());
        Self { server, is_used, state, changed }
    }

    /// Fans out a notification.
    pub(crate) fn notify(&self, notification: &Notification) {
        if !self.is_used.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.lock();
        let uri = updated(notification);
        let covers = |feed: &Feed| uri.as_ref().is_some_and(|uri| feed.filter.covers(uri));
        // A resource named by no subscription may be part of any.
        let is_claimed = state.members.values().any(|member| covers(&member.feed));
        for member in state.members.values_mut() {
            if (!is_claimed || covers(&member.feed))
                && member.feed.notify(notification)
                && let Some(resubscribe) = &mut member.resubscribe
            {
                resubscribe.has_event();
            }
        }
    }

    /// Handles a gap: notifications may be missing, and the server may have lost its subscriptions.
    pub(crate) fn gap(&self, gap: Gap) {
        let mut state = self.lock();
        if let Gap::Lagged(lagged) = gap {
            let feeds = state.members.values().map(|member| &member.feed);
            feeds.for_each(|feed| feed.backlog.missed(lagged.others));
            return;
        }
        let error = Error::from_transport(Arc::clone(&self.server), error_of(&gap));
        state.gap(&gap, &error);
        self.wake();
    }

    /// Adds a subscription. Returns whether a worker must be started for it.
    pub(super) fn join(self: &Arc<Self>, member: Member) -> (Membership, bool) {
        let mut state = self.lock();
        let key = state.join(member);
        self.is_used.store(true, Ordering::Release);
        let starts = !std::mem::replace(&mut state.has_worker, true);
        self.wake();
        (Membership { registry: Arc::clone(self), key }, starts)
    }

    /// The next actions, with this many requests in flight; `None` if nothing is left to do and the worker must end.
    pub(super) fn step(&self, in_flight: usize) -> Option<Step> {
        let mut state = self.lock();
        let step = state.step(in_flight);
        if step.has_members {
            return Some(step);
        }
        self.is_used.store(false, Ordering::Release);
        if !step.orders.is_empty() || in_flight > 0 {
            return Some(step);
        }
        state.has_worker = false;
        None
    }

    /// Stops unsubscribing, unless there is a new subscription: then the worker must continue.
    pub(super) fn abandon(&self) -> bool {
        let mut state = self.lock();
        let is_abandoned = state.members.is_empty();
        if is_abandoned {
            state.clear();
        }
        is_abandoned
    }

    /// Records the outcome of a request.
    pub(super) fn done(&self, order: Order, outcome: Result<(), Error>) {
        self.lock().done(order, outcome);
    }

    /// Waits for a change that requires another step.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Ends all subscriptions, since the worker ends.
    pub(super) fn end(&self, error: &Error) {
        let members = {
            let mut state = self.lock();
            self.is_used.store(false, Ordering::Release);
            state.clear();
            std::mem::take(&mut state.members)
        };
        members.into_values().for_each(|member| member.end(error.clone()));
    }

    fn leave(&self, key: u64) {
        let mut state = self.lock();
        state.leave(key);
        self.wake();
    }

    fn wake(&self) {
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registered subscription. Dropping it ends the subscription.
pub(super) struct Membership {
    registry: Arc<Registry>,
    key: u64,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.registry.leave(self.key);
    }
}

/// The error of a subscription ended by a gap.
fn error_of(gap: &Gap) -> TransportError {
    let kind = match gap {
        Gap::NewSession(_) => ErrorKind::SessionExpired,
        _ => ErrorKind::Interrupted,
    };
    let error = TransportError::new(kind, gap.to_string());
    match gap.cause() {
        Some(cause) => error.with_source(cause.clone()),
        None => error,
    }
}

//! The subscriptions of one legacy session, and the resources that the server was asked about.
//!
//! This is the state alone; [`worker`](super::worker) talks to the server.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mcp_core::{Notification, SubscriptionFilter};
use mcp_transport::{Backoff, Delivery, Error as TransportError, ErrorKind, Gap};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{
    event::{Event, updated},
    feed::Feed,
    retry::Resubscribe,
};
use crate::Error;

/// Requests to the server that are in flight at a time.
const MAX_IN_FLIGHT: usize = 16;

/// How long the server may take to answer an `resources/unsubscribe`, and all of those after the last
/// subscription has ended.
pub(super) const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Fans out notifications to subscriptions, and owns which of them needs which resource.
///
/// A resource is subscribed to once for all that need it, and unsubscribed when no one does. After a gap, in
/// which the server may have forgotten its subscriptions, each is requested again: at once for a subscription
/// that is being opened, and after the delay of their back-off for those that were open.
pub(crate) struct Registry {
    server: Arc<str>,
    /// Most sessions have no subscription.
    is_used: AtomicBool,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    last_member: u64,
    members: BTreeMap<u64, Member>,
    resources: HashMap<String, Resource>,
    /// Resources that may need a request.
    queue: VecDeque<String>,
    /// Counts the gaps.
    generation: u64,
    /// The generation in which the server last answered.
    answered: u64,
    /// The number of the last request.
    last_request: u64,
    is_pinging: bool,
    has_worker: bool,
}

/// A subscription.
pub(super) struct Member {
    pub(super) feed: Arc<Feed>,
    /// The lists of the filter that the server offers.
    pub(super) lists: SubscriptionFilter,
    pub(super) uris: BTreeSet<String>,
    /// How long the server may take to answer a request for it.
    pub(super) timeout: Duration,
    pub(super) resubscribe: Option<Resubscribe>,
    /// Receives the outcome of opening it.
    pub(super) opening: Option<oneshot::Sender<Result<(), Error>>>,
    /// The resources that the server has not acknowledged in this generation.
    missing: BTreeSet<String>,
    /// Whether the server has not answered since the last gap.
    is_interrupted: bool,
    /// Before this time no request is sent for it.
    due: Option<Instant>,
    /// Failures of requests up to this number are part of an attempt that was counted.
    counted: u64,
}

struct Resource {
    members: BTreeSet<u64>,
    held: Held,
    is_in_flight: bool,
}

/// Whether the server sends notifications for a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    No,
    /// A request may have arrived, or the server may have forgotten it.
    Maybe,
    Yes,
}

/// A request that is to be sent.
#[derive(Debug)]
pub(super) struct Order {
    number: u64,
    generation: u64,
    pub(super) kind: OrderKind,
    pub(super) timeout: Duration,
}

#[derive(Debug)]
pub(super) enum OrderKind {
    Subscribe(String),
    Unsubscribe(String),
    /// Some transports only reconnect when the next message is sent.
    Ping,
}

/// What the worker has to do.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) orders: Vec<Order>,
    /// When there is more to do.
    pub(super) wake_at: Option<Instant>,
    pub(super) has_members: bool,
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
        // A resource that no subscription names may be a part of any.
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

    /// Notifications may be missing, and the server may have forgotten its subscriptions.
    pub(crate) fn gap(&self, gap: Gap) {
        let mut state = self.lock();
        if let Gap::Lagged(lagged) = gap {
            let feeds = state.members.values().map(|member| &member.feed);
            feeds.for_each(|feed| feed.backlog.missed(lagged.others));
            return;
        }
        state.generation += 1;
        for resource in state.resources.values_mut() {
            resource.held = match (&gap, resource.held) {
                (Gap::NewSession(_), _) | (_, Held::No) => Held::No,
                _ => Held::Maybe,
            };
        }
        let error = Error::from_transport(Arc::clone(&self.server), error_of(&gap));
        let keys: Vec<u64> = state.members.keys().copied().collect();
        for key in keys {
            state.interrupt(key, &error);
        }
        self.wake();
    }

    /// Adds a subscription; whether a worker has to be started for it.
    pub(super) fn join(self: &Arc<Self>, member: Member) -> (Membership, bool) {
        let mut state = self.lock();
        let key = state.join(member);
        self.is_used.store(true, Ordering::Release);
        let starts = !std::mem::replace(&mut state.has_worker, true);
        self.wake();
        (Membership { registry: Arc::clone(self), key }, starts)
    }

    /// What is to be done now, with this many requests in flight; `None` when there is nothing left to do, and
    /// the worker has to end.
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

    /// Gives up unsubscribing, unless there is a subscription again: then the worker has to continue.
    pub(super) fn abandon(&self) -> bool {
        let mut state = self.lock();
        let is_abandoned = state.members.is_empty();
        if is_abandoned {
            state.clear();
        }
        is_abandoned
    }

    /// A request was answered, or was not.
    pub(super) fn done(&self, order: Order, outcome: Result<(), Error>) {
        self.lock().done(order, outcome);
    }

    /// Waits for a change that makes another step necessary.
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

/// A subscription in the registry, until it is dropped.
pub(super) struct Membership {
    registry: Arc<Registry>,
    key: u64,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.registry.leave(self.key);
    }
}

impl Member {
    pub(super) fn new(
        feed: Arc<Feed>,
        mut offered: SubscriptionFilter,
        timeout: Duration,
        backoff: Option<Backoff>,
        opening: oneshot::Sender<Result<(), Error>>,
    ) -> Self {
        let uris = offered.resource_subscriptions.take().unwrap_or_default();
        Self {
            feed,
            lists: offered,
            uris: uris.into_iter().collect(),
            timeout,
            resubscribe: backoff.map(Resubscribe::new),
            opening: Some(opening),
            missing: BTreeSet::new(),
            is_interrupted: false,
            due: None,
            counted: 0,
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| due <= now)
    }

    /// The server has acknowledged all that it will.
    fn complete(&mut self) {
        let mut filter = self.lists.clone();
        let uris = &self.uris;
        filter.resource_subscriptions = (!uris.is_empty()).then(|| uris.iter().cloned().collect());
        self.feed.acknowledge(filter);
        let was_interrupted = std::mem::take(&mut self.is_interrupted);
        self.due = None;
        if let Some(resubscribe) = &mut self.resubscribe {
            resubscribe.opened();
        }
        match self.opening.take() {
            // The one who opened it may be gone.
            Some(opening) => drop(opening.send(Ok(()))),
            None if was_interrupted => self.feed.backlog.push(Event::Resync),
            None => {}
        }
    }

    fn end(self, error: Error) {
        match self.opening {
            Some(opening) => drop(opening.send(Err(error))),
            None => self.feed.backlog.end(Err(error)),
        }
    }
}

impl State {
    /// There is no worker any more, and nothing for one to do.
    fn clear(&mut self) {
        (self.has_worker, self.is_pinging) = (false, false);
        self.resources.clear();
        self.queue.clear();
    }

    fn join(&mut self, mut member: Member) -> u64 {
        self.last_member += 1;
        let key = self.last_member;
        for uri in &member.uris {
            let resource = self.resources.entry(uri.clone()).or_insert_with(|| Resource {
                members: BTreeSet::new(),
                held: Held::No,
                is_in_flight: false,
            });
            resource.members.insert(key);
            if resource.held != Held::Yes {
                member.missing.insert(uri.clone());
                self.queue.push_back(uri.clone());
            }
        }
        member.counted = self.last_request;
        if member.missing.is_empty() {
            member.complete();
        }
        self.members.insert(key, member);
        key
    }

    fn leave(&mut self, key: u64) -> Option<Member> {
        let member = self.members.remove(&key)?;
        for uri in &member.uris {
            self.release(key, uri);
        }
        Some(member)
    }

    /// A subscription no longer needs a resource.
    fn release(&mut self, key: u64, uri: &str) {
        if let Some(resource) = self.resources.get_mut(uri) {
            resource.members.remove(&key);
            if resource.members.is_empty() {
                self.queue.push_back(uri.to_owned());
            }
        }
    }

    /// Handles a gap for one subscription.
    fn interrupt(&mut self, key: u64, error: &Error) {
        let (generation, last_request) = (self.generation, self.last_request);
        let Some(member) = self.members.get_mut(&key) else { return };
        member.missing = member.uris.clone();
        if member.opening.is_some() {
            self.queue.extend(member.uris.iter().cloned());
            return;
        }
        let was_open = !std::mem::replace(&mut member.is_interrupted, true);
        let Some(resubscribe) = &mut member.resubscribe else {
            return self.fail(key, error.clone());
        };
        if was_open {
            tracing::debug!(generation, %error, "a subscription was interrupted");
            resubscribe.interrupted();
        }
        if member.due.is_none() {
            match resubscribe.next_delay(None) {
                Some(delay) => member.due = Some(later(delay)),
                None => return self.fail(key, error.clone()),
            }
            member.counted = last_request;
        }
    }

    /// Ends a subscription with an error.
    fn fail(&mut self, key: u64, error: Error) {
        if let Some(member) = self.leave(key) {
            member.end(error);
        }
    }

    fn step(&mut self, in_flight: usize) -> Step {
        let now = Instant::now();
        let mut orders = Vec::new();
        let mut wake_at = None;
        for member in self.members.values_mut() {
            match member.due {
                Some(due) if due <= now => {
                    member.due = None;
                    self.queue.extend(member.missing.iter().cloned());
                }
                Some(due) => wake_at = Some(wake_at.map_or(due, |at: Instant| at.min(due))),
                None => {}
            }
        }
        while in_flight + orders.len() < MAX_IN_FLIGHT {
            let Some(uri) = self.queue.pop_front() else { break };
            orders.extend(self.order(uri, now));
        }
        orders.extend(self.ping(now));
        Step { orders, wake_at, has_members: !self.members.is_empty() }
    }

    /// The request that a resource needs.
    fn order(&mut self, uri: String, now: Instant) -> Option<Order> {
        let resource = self.resources.get_mut(&uri)?;
        if resource.is_in_flight {
            return None;
        }
        if resource.members.is_empty() {
            if resource.held == Held::No {
                self.resources.remove(&uri);
                return None;
            }
            (resource.is_in_flight, resource.held) = (true, Held::Maybe);
            return Some(self.numbered(OrderKind::Unsubscribe(uri), LEAVE_TIMEOUT));
        }
        let members = resource.members.iter().filter_map(|key| self.members.get(key));
        let timeout = members.filter(|it| it.is_due(now)).map(|it| it.timeout).max()?;
        if resource.held == Held::Yes {
            return None;
        }
        resource.is_in_flight = true;
        Some(self.numbered(OrderKind::Subscribe(uri), timeout))
    }

    /// A sign of life, where subscriptions without resources wait for one.
    fn ping(&mut self, now: Instant) -> Option<Order> {
        let waits = |it: &&Member| it.is_interrupted && it.uris.is_empty() && it.is_due(now);
        let timeout = self.members.values().filter(waits).map(|it| it.timeout).max()?;
        if std::mem::replace(&mut self.is_pinging, true) {
            return None;
        }
        Some(self.numbered(OrderKind::Ping, timeout))
    }

    fn numbered(&mut self, kind: OrderKind, timeout: Duration) -> Order {
        self.last_request += 1;
        Order { number: self.last_request, generation: self.generation, kind, timeout }
    }

    fn done(&mut self, order: Order, outcome: Result<(), Error>) {
        let Order { number, generation, kind, .. } = order;
        let is_current = generation == self.generation;
        let is_answered = outcome.as_ref().err().is_none_or(|error| error.answer().is_some());
        if is_answered && is_current {
            self.answered = generation;
        }
        match kind {
            OrderKind::Subscribe(uri) => self.subscribed(uri, number, is_current, outcome),
            OrderKind::Unsubscribe(uri) => {
                if let Some(resource) = self.resources.get_mut(&uri) {
                    resource.is_in_flight = false;
                    resource.held = Held::No;
                    self.queue.push_back(uri);
                }
            }
            OrderKind::Ping => {
                self.is_pinging = false;
                if let Err(error) = outcome
                    && !is_answered
                {
                    let waiting =
                        |(_, it): &(&u64, &Member)| it.is_interrupted && it.uris.is_empty();
                    let keys: Vec<u64> =
                        self.members.iter().filter(waiting).map(|(key, _)| *key).collect();
                    keys.into_iter().for_each(|key| self.unanswered(key, number, &error));
                }
            }
        }
        if self.answered == self.generation {
            let idle = |it: &&mut Member| it.is_interrupted && it.uris.is_empty();
            self.members.values_mut().filter(idle).for_each(Member::complete);
        }
    }

    fn subscribed(
        &mut self,
        uri: String,
        number: u64,
        is_current: bool,
        outcome: Result<(), Error>,
    ) {
        let Some(resource) = self.resources.get_mut(&uri) else { return };
        resource.is_in_flight = false;
        let keys: Vec<u64> = resource.members.iter().copied().collect();
        match outcome {
            Ok(()) if is_current => {
                resource.held = Held::Yes;
                keys.iter().for_each(|key| self.acknowledged(*key, &uri));
            }
            Ok(()) => resource.held = Held::Maybe,
            Err(error) if error.answer().is_some() => {
                resource.held = Held::No;
                for key in keys {
                    if let Some(member) = self.members.get_mut(&key) {
                        member.feed.refuse(uri.clone(), error.clone());
                        member.uris.remove(&uri);
                    }
                    self.release(key, &uri);
                    self.acknowledged(key, &uri);
                }
            }
            Err(error) => {
                if error.delivery() != Delivery::NotSent {
                    resource.held = Held::Maybe;
                }
                keys.into_iter().for_each(|key| self.unanswered(key, number, &error));
            }
        }
        // It may be needed again, or no longer.
        self.queue.push_back(uri);
    }

    /// The server has answered for one resource of a subscription.
    fn acknowledged(&mut self, key: u64, uri: &str) {
        if let Some(member) = self.members.get_mut(&key)
            && member.missing.remove(uri)
            && member.missing.is_empty()
        {
            member.complete();
        }
    }

    /// A request for a subscription was not answered.
    fn unanswered(&mut self, key: u64, number: u64, error: &Error) {
        let last_request = self.last_request;
        let Some(member) = self.members.get_mut(&key) else { return };
        if number <= member.counted {
            return;
        }
        let delay = match (&member.opening, &mut member.resubscribe) {
            (None, Some(resubscribe)) => resubscribe.next_delay(Some(error)),
            _ => None,
        };
        match delay {
            Some(delay) => {
                member.due = Some(later(delay));
                member.counted = last_request;
            }
            None => self.fail(key, error.clone()),
        }
    }
}

/// A time that no clock reaches is far away.
fn later(delay: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
    let now = Instant::now();
    now.checked_add(delay).unwrap_or_else(|| now + FAR)
}

/// The end of a subscription by a gap.
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

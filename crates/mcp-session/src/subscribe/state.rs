//! The resources needed by subscriptions of a legacy session, and the requests sent to the server. Pure, except for the
//! clock.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use mcp_transport::{Delivery, Gap};
use tokio::time::Instant;

use super::member::Member;
use crate::Error;

/// Maximum number of concurrent requests to the server.
const MAX_IN_FLIGHT: usize = 16;

/// Timeout of `resources/unsubscribe`, and of all of them after the last subscription has ended.
pub(super) const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct State {
    last_member: u64,
    pub(super) members: BTreeMap<u64, Member>,
    resources: HashMap<String, Resource>,
    /// Resources that may need a request.
    queue: VecDeque<String>,
    /// The number of gaps.
    generation: u64,
    /// The generation in which the server last responded.
    answered: u64,
    /// The number of the last request.
    last_request: u64,
    is_pinging: bool,
    pub(super) has_worker: bool,
}

struct Resource {
    members: BTreeSet<u64>,
    held: Held,
    is_queued: bool,
    is_in_flight: bool,
}

/// Whether the server sends notifications for a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    No,
    /// A request may have arrived, or the server may have lost the subscription.
    Maybe,
    Yes,
}

/// A request to send.
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

/// The next actions of the worker.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) orders: Vec<Order>,
    /// The time of the next action.
    pub(super) wake_at: Option<Instant>,
    pub(super) has_members: bool,
}

impl State {
    /// Resets the state: there is no worker, and no work.
    pub(super) fn clear(&mut self) {
        (self.has_worker, self.is_pinging) = (false, false);
        self.resources.clear();
        self.queue.clear();
    }

    /// Adds a subscription.
    pub(super) fn join(&mut self, mut member: Member) -> u64 {
        self.last_member += 1;
        let key = self.last_member;
        for uri in &member.uris {
            let resource = self.resources.entry(uri.clone()).or_insert_with(|| Resource {
                members: BTreeSet::new(),
                held: Held::No,
                is_queued: false,
                is_in_flight: false,
            });
            resource.members.insert(key);
            if resource.held != Held::Yes {
                member.missing.insert(uri.clone());
                self.enqueue(uri);
            }
        }
        member.counted = self.last_request;
        if member.missing.is_empty() {
            member.complete();
        }
        self.members.insert(key, member);
        key
    }

    /// Removes a subscription.
    pub(super) fn leave(&mut self, key: u64) -> Option<Member> {
        let member = self.members.remove(&key)?;
        for uri in &member.uris {
            self.release(key, uri);
        }
        Some(member)
    }

    /// Removes a subscription's need for a resource.
    fn release(&mut self, key: u64, uri: &str) {
        if let Some(resource) = self.resources.get_mut(uri) {
            resource.members.remove(&key);
            if resource.members.is_empty() {
                self.enqueue(uri);
            }
        }
    }

    /// Queues a resource that may need a request.
    fn enqueue(&mut self, uri: &str) {
        if let Some(resource) = self.resources.get_mut(uri)
            && !std::mem::replace(&mut resource.is_queued, true)
        {
            self.queue.push_back(uri.to_owned());
        }
    }

    /// Handles a gap, in which the server may have lost its subscriptions; `error` ends those that do not resubscribe.
    pub(super) fn gap(&mut self, gap: &Gap, error: &Error) {
        self.generation += 1;
        for resource in self.resources.values_mut() {
            resource.held = match (gap, resource.held) {
                (Gap::NewSession(_), _) | (_, Held::No) => Held::No,
                _ => Held::Maybe,
            };
        }
        let keys: Vec<u64> = self.members.keys().copied().collect();
        keys.into_iter().for_each(|key| self.interrupt(key, error));
    }

    fn interrupt(&mut self, key: u64, error: &Error) {
        let (generation, last_request) = (self.generation, self.last_request);
        let Some(member) = self.members.get_mut(&key) else { return };
        member.missing = member.uris.clone();
        if member.opening.is_some() {
            let uris = member.uris.clone();
            return uris.iter().for_each(|uri| self.enqueue(uri));
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

    /// The requests that are due, with this many in flight.
    pub(super) fn step(&mut self, in_flight: usize) -> Step {
        let now = Instant::now();
        let mut orders = Vec::new();
        let is_due = |member: &Member| member.due.is_some_and(|due| due <= now);
        let mut due = Vec::new();
        for member in self.members.values_mut().filter(|member| is_due(member)) {
            member.due = None;
            due.extend(member.missing.iter().cloned());
        }
        due.iter().for_each(|uri| self.enqueue(uri));
        while in_flight + orders.len() < MAX_IN_FLIGHT {
            let Some(uri) = self.queue.pop_front() else { break };
            orders.extend(self.order(uri, now));
        }
        orders.extend(self.ping(now));
        let wake_at = self.members.values().filter_map(|member| member.due).min();
        Step { orders, wake_at, has_members: !self.members.is_empty() }
    }

    /// The request that a resource needs.
    fn order(&mut self, uri: String, now: Instant) -> Option<Order> {
        let resource = self.resources.get_mut(&uri)?;
        resource.is_queued = false;
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

    /// A ping, if subscriptions without resources need a response.
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

    /// Records the outcome of a request.
    pub(super) fn done(&mut self, order: Order, outcome: Result<(), Error>) {
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
                    (resource.is_in_flight, resource.held) = (false, Held::No);
                    self.enqueue(&uri);
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
        self.enqueue(&uri);
    }

    /// Records the response for one resource of a subscription.
    fn acknowledged(&mut self, key: u64, uri: &str) {
        if let Some(member) = self.members.get_mut(&key)
            && member.missing.remove(uri)
            && member.missing.is_empty()
        {
            member.complete();
        }
    }

    /// Records a failed request for a subscription.
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

/// A time beyond the clock's range becomes the distant future.
fn later(delay: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
    let now = Instant::now();
    now.checked_add(delay).unwrap_or_else(|| now + FAR)
}

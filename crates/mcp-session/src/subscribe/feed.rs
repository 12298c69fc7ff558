use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_core::{Notification, SubscriptionFilter};

use super::{backlog::Backlog, event::Event};
use crate::Error;

/// State shared by a subscription and the part that feeds it.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) filter: SubscriptionFilter,
    pub(super) backlog: Backlog,
    acknowledged: Mutex<SubscriptionFilter>,
    refused: Mutex<Vec<(String, Error)>>,
}

impl Feed {
    pub(super) fn new(filter: SubscriptionFilter, max_events: usize) -> Self {
        Self {
            filter,
            backlog: Backlog::new(max_events),
            acknowledged: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// The part of the filter that the server last acknowledged.
    pub(super) fn acknowledged(&self) -> SubscriptionFilter {
        lock(&self.acknowledged).clone()
    }

    pub(super) fn acknowledge(&self, acknowledged: SubscriptionFilter) {
        *lock(&self.acknowledged) = acknowledged;
    }

    /// The resources that the server refused.
    pub(super) fn refused(&self) -> Vec<(String, Error)> {
        lock(&self.refused).clone()
    }

    pub(super) fn refuse(&self, uri: String, error: Error) {
        lock(&self.refused).push((uri, error));
    }

    /// Adds the event of a notification, if the filter includes it.
    pub(super) fn notify(&self, notification: &Notification) -> bool {
        let event = Event::of(notification, &self.filter);
        let is_wanted = event.is_some();
        event.into_iter().for_each(|event| self.backlog.push(event));
        is_wanted
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

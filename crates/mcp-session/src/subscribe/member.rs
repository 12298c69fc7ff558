use std::{collections::BTreeSet, sync::Arc, time::Duration};

use mcp_core::SubscriptionFilter;
use mcp_transport::Backoff;
use tokio::{sync::oneshot, time::Instant};

use super::{event::Event, feed::Feed, retry::Resubscribe};
use crate::Error;

/// A subscription of a legacy session.
pub(super) struct Member {
    pub(super) feed: Arc<Feed>,
    /// The lists of the filter that the server offers.
    lists: SubscriptionFilter,
    pub(super) uris: BTreeSet<String>,
    /// Timeout of requests for it.
    pub(super) timeout: Duration,
    pub(super) resubscribe: Option<Resubscribe>,
    /// Receives the outcome of opening.
    pub(super) opening: Option<oneshot::Sender<Result<(), Error>>>,
    /// The resources not acknowledged in this generation.
    pub(super) missing: BTreeSet<String>,
    /// Whether the server has not responded since the last gap.
    pub(super) is_interrupted: bool,
    /// No request is sent for it before this time.
    pub(super) due: Option<Instant>,
    /// Failures of requests up to this number belong to an attempt already counted.
    pub(super) counted: u64,
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

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| due <= now)
    }

    /// Records that everything was acknowledged or refused.
    pub(super) fn complete(&mut self) {
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
            // The caller may have been dropped.
            Some(opening) => drop(opening.send(Ok(()))),
            None if was_interrupted => self.feed.backlog.push(Event::Resync),
            None => {}
        }
    }

    pub(super) fn end(self, error: Error) {
        match self.opening {
            Some(opening) => drop(opening.send(Err(error))),
            None => self.feed.backlog.end(Err(error)),
        }
    }
}

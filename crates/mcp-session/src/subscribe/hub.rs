//! What the subscriptions of one session of the legacy era have in common.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mcp_core::{Notification, ResourceRequestParams, method};
use mcp_transport::Gap;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::Feed;
use crate::{Error, Session, rounds::all};

/// Requests for resources that are under way at a time.
const AT_A_TIME: usize = 16;

/// Passes on what the server tells by itself, and knows which resources it was asked about.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    /// Most sessions have no subscription.
    is_used: AtomicBool,
    feeds: Mutex<Vec<Weak<Feed>>>,
    /// Counts the times that messages of the server were lost, and says why at last.
    losses: watch::Sender<(u64, Option<Gap>)>,
    /// By how many subscriptions a resource is wanted. Held while the server is told, so that it hears of
    /// changes in their order.
    wanted: tokio::sync::Mutex<HashMap<String, usize>>,
}

impl Hub {
    pub(crate) fn tell(&self, notification: &Notification) {
        if !self.is_used.load(Ordering::Acquire) {
            return;
        }
        let feeds: Vec<_> = self.feeds().iter().filter_map(Weak::upgrade).collect();
        let updated = super::event::updated(notification);
        let covers = |feed: &Feed| updated.as_ref().is_some_and(|uri| feed.filter.covers(uri));
        // What nobody asked for by its name may be a part of anything.
        let is_claimed = feeds.iter().any(|feed| covers(feed));
        for feed in feeds {
            if !is_claimed || covers(&feed) {
                feed.take(notification);
            }
        }
    }

    /// Messages of the server were lost, perhaps with all that it knew of this session.
    pub(crate) fn lost(&self, gap: Gap) {
        self.losses.send_modify(|(count, last)| {
            *count += 1;
            *last = Some(gap);
        });
    }

    pub(super) fn losses(&self) -> watch::Receiver<(u64, Option<Gap>)> {
        self.losses.subscribe()
    }

    pub(super) fn add(&self, feed: &Arc<Feed>) {
        let mut feeds = self.feeds();
        feeds.retain(|feed| feed.strong_count() > 0);
        feeds.push(Arc::downgrade(feed));
        self.is_used.store(true, Ordering::Release);
    }

    pub(super) fn remove(&self, feed: &Arc<Feed>) {
        let mut feeds = self.feeds();
        feeds.retain(|other| other.strong_count() > 0 && other.as_ptr() != Arc::as_ptr(feed));
        self.is_used.store(!feeds.is_empty(), Ordering::Release);
    }

    /// Wants these resources, and says what the server made of it.
    ///
    /// # Errors
    /// When it does not answer, with what it may have taken nevertheless.
    pub(super) async fn want(
        &self,
        session: &Session,
        uris: BTreeSet<String>,
        patience: Duration,
    ) -> Result<Told, (Error, BTreeSet<String>)> {
        let end = Instant::now() + patience;
        // Others may be waiting for the server, too.
        let Ok(mut wanted) = timeout_at(end, self.wanted.lock()).await else {
            return Err((session.late(patience), BTreeSet::new()));
        };
        let (old, new): (BTreeSet<_>, _) =
            uris.into_iter().partition(|uri| wanted.contains_key(uri));
        let rest = end.saturating_duration_since(Instant::now());
        let mut told = tell(session, method::RESOURCES_SUBSCRIBE, &new, rest).await;
        if let Some(error) = told.unanswered.take() {
            return Err((error, new));
        }
        told.honoured.extend(old);
        for uri in &told.honoured {
            *wanted.entry(uri.clone()).or_default() += 1;
        }
        Ok(told)
    }

    /// Wants these resources no longer.
    pub(super) async fn leave(
        &self,
        session: &Session,
        uris: &BTreeSet<String>,
        patience: Duration,
    ) {
        let mut wanted = self.wanted.lock().await;
        let mut last = uris.clone();
        last.retain(|uri| {
            let Some(count) = wanted.get_mut(uri) else { return true };
            *count -= 1;
            *count == 0
        });
        wanted.retain(|_, count| *count > 0);
        self.untell(session, &last, patience).await;
    }

    /// Takes back what was never counted, as far as nobody else wants it.
    pub(super) async fn take_back(
        &self,
        session: &Session,
        mut uris: BTreeSet<String>,
        patience: Duration,
    ) {
        let wanted = self.wanted.lock().await;
        uris.retain(|uri| !wanted.contains_key(uri));
        self.untell(session, &uris, patience).await;
    }

    async fn untell(&self, session: &Session, uris: &BTreeSet<String>, patience: Duration) {
        if !session.is_closed() {
            tell(session, method::RESOURCES_UNSUBSCRIBE, uris, patience).await;
        }
    }

    fn feeds(&self) -> MutexGuard<'_, Vec<Weak<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server made of being told of resources.
pub(super) struct Told {
    pub(super) honoured: BTreeSet<String>,
    /// With its answers.
    pub(super) refused: Vec<(String, Error)>,
    /// Why some were not answered at all.
    unanswered: Option<Error>,
}

/// Asks a server once more for what it may have forgotten.
///
/// Fails when it cannot be asked.
pub(super) async fn remind(
    session: &Session,
    uris: &BTreeSet<String>,
    patience: Duration,
) -> Result<Told, Error> {
    // Some carriers open a new way with the next message alone. Any answer shows that there is one.
    if uris.is_empty()
        && let Err(error) = session.ping().timeout(patience).await
        && error.answer().is_none()
    {
        return Err(error);
    }
    let mut told = tell(session, method::RESOURCES_SUBSCRIBE, uris, patience).await;
    match told.unanswered.take() {
        Some(error) => Err(error),
        None => Ok(told),
    }
}

/// Tells the server of each of these resources, as long as it answers, and not for longer than `patience`.
async fn tell(
    session: &Session,
    method: &'static str,
    uris: &BTreeSet<String>,
    patience: Duration,
) -> Told {
    let end = Instant::now() + patience;
    let uris: Vec<_> = uris.iter().collect();
    let mut told = Told { honoured: BTreeSet::new(), refused: Vec::new(), unanswered: None };
    for some in uris.chunks(AT_A_TIME) {
        let rest = end.saturating_duration_since(Instant::now());
        let telling = some.iter().map(|uri| {
            let call = session.request(method, &ResourceRequestParams::new(*uri)).timeout(rest);
            Box::pin(async move { Ok::<_, Infallible>((*uri, call.await)) })
        });
        let Ok(done) = all(telling.collect()).await;
        for (uri, outcome) in done {
            match outcome {
                Ok(_) => drop(told.honoured.insert(uri.clone())),
                Err(error) => {
                    tracing::debug!(%error, uri, "the server cannot be told of a resource");
                    match error.answer().is_some() {
                        true => told.refused.push((uri.clone(), error)),
                        false => told.unanswered = Some(error),
                    }
                }
            }
        }
        if told.unanswered.is_some() {
            break;
        }
    }
    told
}

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
use tokio::sync::watch;

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
    losses: watch::Sender<(u64, Option<mcp_transport::Error>)>,
    /// By how many subscriptions a resource is wanted. Held while the server is told, so that it hears of
    /// changes in their order.
    wanted: tokio::sync::Mutex<HashMap<String, usize>>,
}

impl Hub {
    pub(crate) fn tell(&self, notification: &Notification) {
        if self.is_used.load(Ordering::Acquire) {
            let feeds: Vec<_> = self.feeds().iter().filter_map(Weak::upgrade).collect();
            for feed in feeds {
                feed.take(notification);
            }
        }
    }

    /// Messages of the server were lost, perhaps with all that it knew of this session.
    pub(crate) fn lost(&self, error: mcp_transport::Error) {
        self.losses.send_modify(|(count, last)| {
            *count += 1;
            *last = Some(error);
        });
    }

    pub(super) fn losses(&self) -> watch::Receiver<(u64, Option<mcp_transport::Error>)> {
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
    pub(super) async fn want(
        &self,
        session: &Session,
        uris: BTreeSet<String>,
        patience: Duration,
    ) -> Told {
        let mut wanted = self.wanted.lock().await;
        let (old, new) = uris.into_iter().partition(|uri| wanted.contains_key(uri));
        let mut told = tell(session, method::RESOURCES_SUBSCRIBE, &new, patience).await;
        told.honoured.extend::<BTreeSet<_>>(old);
        for uri in &told.honoured {
            *wanted.entry(uri.clone()).or_default() += 1;
        }
        told
    }

    /// Wants these resources no longer.
    pub(super) async fn leave(
        &self,
        session: &Session,
        uris: &BTreeSet<String>,
        patience: Duration,
    ) {
        let mut wanted = self.wanted.lock().await;
        let mut last = BTreeSet::new();
        for uri in uris {
            if let Some(count) = wanted.get_mut(uri) {
                *count -= 1;
                if *count == 0 {
                    wanted.remove(uri);
                    last.insert(uri.clone());
                }
            }
        }
        if !session.is_closed() {
            tell(session, method::RESOURCES_UNSUBSCRIBE, &last, patience).await;
        }
    }

    fn feeds(&self) -> MutexGuard<'_, Vec<Weak<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server made of being told of resources.
pub(super) struct Told {
    pub(super) honoured: BTreeSet<String>,
    pub(super) refused: Vec<(String, Error)>,
}

/// Asks a server once more for what it may have forgotten.
///
/// Fails when it cannot be asked.
pub(super) async fn remind(
    session: &Session,
    uris: &BTreeSet<String>,
    patience: Duration,
) -> Result<Told, Error> {
    if uris.is_empty() {
        // Some carriers open a new way with the next message alone.
        session.ping().timeout(patience).await?;
    }
    let told = tell(session, method::RESOURCES_SUBSCRIBE, uris, patience).await;
    match told.refused.iter().find(|(_, error)| error.answer().is_none()) {
        Some((_, error)) => Err(error.clone()),
        None => Ok(told),
    }
}

/// Tells the server of each of these resources.
async fn tell(
    session: &Session,
    method: &'static str,
    uris: &BTreeSet<String>,
    patience: Duration,
) -> Told {
    let uris: Vec<_> = uris.iter().collect();
    let mut told = Told { honoured: BTreeSet::new(), refused: Vec::new() };
    for some in uris.chunks(AT_A_TIME) {
        let telling = some.iter().map(|uri| {
            let call = session.request(method, &ResourceRequestParams::new(*uri)).timeout(patience);
            Box::pin(async move { Ok::<_, Infallible>((*uri, call.await)) })
        });
        let Ok(done) = all(telling.collect()).await;
        for (uri, outcome) in done {
            match outcome {
                Ok(_) => drop(told.honoured.insert(uri.clone())),
                Err(error) => {
                    tracing::debug!(%error, uri, "the server cannot be told of a resource");
                    told.refused.push((uri.clone(), error));
                }
            }
        }
    }
    told
}

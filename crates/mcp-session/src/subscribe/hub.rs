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

    /// Wants these resources, and gives those of them that the server tells of.
    pub(super) async fn want(
        &self,
        session: &Session,
        uris: BTreeSet<String>,
        patience: Duration,
    ) -> BTreeSet<String> {
        let mut wanted = self.wanted.lock().await;
        let new = uris.iter().filter(|uri| !wanted.contains_key(*uri));
        let told = tell(session, method::RESOURCES_SUBSCRIBE, new, patience).await;
        let mut honoured = BTreeSet::new();
        for uri in uris {
            if wanted.contains_key(&uri) || matches!(told.get(&uri), Some(Ok(()))) {
                *wanted.entry(uri.clone()).or_default() += 1;
                honoured.insert(uri);
            }
        }
        honoured
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
                    last.insert(uri);
                }
            }
        }
        if !session.is_closed() {
            tell(session, method::RESOURCES_UNSUBSCRIBE, last.into_iter(), patience).await;
        }
    }

    fn feeds(&self) -> MutexGuard<'_, Vec<Weak<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a server once more for what it may have forgotten. Gives those that it does not know, or why it
/// cannot be asked.
pub(super) async fn remind(
    session: &Session,
    uris: &BTreeSet<String>,
    patience: Duration,
) -> Result<BTreeSet<String>, Error> {
    if uris.is_empty() {
        // Some carriers open a new way with the next message alone.
        session.ping().timeout(patience).await?;
        return Ok(BTreeSet::new());
    }
    let mut refused = BTreeSet::new();
    for (uri, told) in tell(session, method::RESOURCES_SUBSCRIBE, uris.iter(), patience).await {
        match told {
            Ok(()) => {}
            Err(error) if error.answer().is_some() => drop(refused.insert(uri)),
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

/// Tells the server of each of these resources.
async fn tell<'a>(
    session: &Session,
    method: &'static str,
    uris: impl Iterator<Item = &'a String>,
    patience: Duration,
) -> HashMap<String, Result<(), Error>> {
    let uris: Vec<_> = uris.cloned().collect();
    let mut told = HashMap::new();
    for some in uris.chunks(AT_A_TIME) {
        let telling = some.iter().map(|uri| {
            let params = ResourceRequestParams::new(uri.clone());
            let call = session.request(method, &params).timeout(patience);
            Box::pin(async move {
                let told = call.await.map(drop);
                if let Err(error) = &told {
                    tracing::debug!(%error, uri, "the server cannot be told of a resource");
                }
                Ok::<_, Infallible>((uri.clone(), told))
            })
        });
        let Ok(done) = all(telling.collect()).await;
        told.extend(done);
    }
    told
}

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use mcp_core::{Era, RequestId};
use mcp_transport::{Binding, ConnectionInfo};

use super::{
    Cache,
    memory::{Memory, Place, Site},
    shared::Shared,
};
use crate::Verdict;

/// What the URIs that are remembered for one subscription take in memory, in bytes.
const MAX_SUBSCRIBED: usize = 1 << 18;

/// What one session keeps of its server.
pub(crate) struct SessionCache {
    pub(super) memory: Arc<Memory>,
    pub(super) site: Arc<Site>,
    pub(super) shared: Option<Shared>,
    /// By the subscription, while it is open.
    subscribed: Mutex<HashMap<RequestId, Subscribed>>,
    hits: AtomicU64,
}

/// What a server has said of a subscription.
#[derive(Default)]
struct Subscribed {
    /// Whether it tells of changes.
    works: bool,
    /// To these resources.
    uris: Vec<String>,
}

impl SessionCache {
    /// `None` where nothing is to be kept.
    pub(crate) fn open(
        cache: Option<&Cache>,
        name: &Arc<str>,
        connection: &ConnectionInfo,
        verdict: &Verdict,
    ) -> Option<Arc<Self>> {
        if verdict.era() != Era::Modern {
            return None;
        }
        // Nobody else has a part in what no cache was named for.
        let own;
        let cache = match cache {
            Some(cache) => cache,
            None => {
                own = Cache::new();
                &own
            }
        };
        let memory = Arc::clone(cache.memory.as_ref()?);
        let place = Place {
            name: Arc::clone(name),
            address: connection.description.clone(),
            version: verdict.protocol_version,
        };
        let site = match connection.binding {
            Binding::StreamableHttp => memory.site(place),
            // There is another process behind each pipe, perhaps of a newer program, or of another kind; and
            // what serves in this process has no address at all.
            _ => memory.site_of_its_own(place),
        };
        let shared = cache.shared();
        let (subscribed, hits) = (Mutex::default(), AtomicU64::new(0));
        Some(Arc::new(Self { memory, site, shared, subscribed, hits }))
    }

    /// How many calls were answered from here.
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// A subscription is about to be opened, which lasts as long as what this returns.
    pub(crate) fn listen(self: &Arc<Self>, subscription: &RequestId) -> Listening {
        self.subscriptions().insert(subscription.clone(), Subscribed::default());
        Listening { cache: Arc::clone(self), subscription: subscription.clone() }
    }

    /// The server tells of changes to these resources from here on.
    pub(super) fn subscribed(&self, subscription: &RequestId, mut uris: Vec<String>) {
        // What is not remembered is taken for a part of who knows what, so nothing stale is served.
        let mut bytes = 0;
        uris.retain(|uri| {
            bytes += uri.len() + size_of::<String>();
            bytes <= MAX_SUBSCRIBED
        });
        uris.shrink_to_fit();
        if let Some(known) = self.subscriptions().get_mut(subscription) {
            known.uris = uris;
        }
    }

    /// The server tells of changes. Not every server says by which subscription.
    pub(super) fn subscriptions_work(&self) {
        self.subscriptions().values_mut().for_each(|subscribed| subscribed.works = true);
    }

    pub(super) fn is_subscribed(&self, uri: &str) -> bool {
        self.subscriptions().values().flat_map(|it| &it.uris).any(|subscribed| subscribed == uri)
    }

    fn subscriptions(&self) -> MutexGuard<'_, HashMap<RequestId, Subscribed>> {
        self.subscribed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open subscription. However it ends, nothing more is heard then; of one that the server never took,
/// nothing was heard before either.
pub(crate) struct Listening {
    cache: Arc<SessionCache>,
    subscription: RequestId,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let subscribed = self.cache.subscriptions().remove(&self.subscription);
        if subscribed.is_none_or(|subscribed| subscribed.works) {
            self.cache.missed();
        }
    }
}

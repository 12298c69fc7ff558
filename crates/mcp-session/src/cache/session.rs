use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use mcp_core::{Era, RequestId};
use mcp_transport::Binding;

use super::{
    Cache,
    memory::{Memory, Place, Site},
    shared::Shared,
};
use crate::Verdict;

/// Bytes of the URIs that are remembered for one subscription.
const MAX_SUBSCRIBED: usize = 1 << 18;

/// What one session keeps of its server.
pub(crate) struct SessionCache {
    pub(super) memory: Arc<Memory>,
    pub(super) site: Arc<Site>,
    pub(super) shared: Option<Shared>,
    /// By the subscription, while it is open.
    subscribed: Mutex<HashMap<RequestId, Vec<String>>>,
    hits: AtomicU64,
}

impl SessionCache {
    /// `None` where nothing is to be kept.
    pub(crate) fn open(
        cache: &Cache,
        name: &Arc<str>,
        address: String,
        binding: Binding,
        verdict: &Verdict,
    ) -> Option<Arc<Self>> {
        let memory = Arc::clone(cache.memory.as_ref()?);
        if verdict.era() != Era::Modern {
            return None;
        }
        let version = verdict.protocol_version;
        let site = memory.site(Place { name: Arc::clone(name), address, version });
        if binding == Binding::Stream {
            // There is another process behind each pipe, perhaps of a newer program.
            site.begins_anew();
        }
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
        self.subscriptions().insert(subscription.clone(), Vec::new());
        Listening { cache: Arc::clone(self), subscription: subscription.clone() }
    }

    /// The server tells of changes to these resources from here on.
    pub(super) fn subscribed(&self, subscription: &RequestId, mut uris: Vec<String>) {
        // What is not remembered is taken for a part of who knows what, so nothing stale is served.
        let mut bytes = 0;
        uris.retain(|uri| {
            bytes += uri.len();
            bytes <= MAX_SUBSCRIBED
        });
        if let Some(known) = self.subscriptions().get_mut(subscription) {
            *known = uris;
        }
    }

    pub(super) fn is_subscribed(&self, uri: &str) -> bool {
        self.subscriptions().values().flatten().any(|subscribed| subscribed == uri)
    }

    fn subscriptions(&self) -> MutexGuard<'_, HashMap<RequestId, Vec<String>>> {
        self.subscribed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open subscription. However it ends, nothing more is heard then.
pub(crate) struct Listening {
    cache: Arc<SessionCache>,
    subscription: RequestId,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.cache.subscriptions().remove(&self.subscription);
        self.cache.missed();
    }
}

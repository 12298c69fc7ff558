use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mcp_core::{Era, ProtocolVersion, RequestId};
use mcp_transport::{Binding, ConnectionInfo, Hold};
use tokio::time::Instant;

use super::{
    config::Cache,
    key::Kind,
    memory::{CachedServer, Memory, ServerKey},
    shared::SharedResults,
};

/// Maximum size of the URIs stored for one subscription, in bytes.
const MAX_SUBSCRIBED: usize = 1 << 18;

/// The cache of one session.
pub(crate) struct SessionCache {
    pub(super) memory: Arc<Memory>,
    pub(super) server: Arc<CachedServer>,
    pub(super) shared: Option<SharedResults>,
    /// See [`Cache::default_ttl`].
    pub(super) default_ttl: Option<Duration>,
    /// See [`Cache::stale_if_error`].
    pub(super) stale_if_error: Duration,
    /// The connection's waits for a user, for the time of the last login.
    hold: Option<Hold>,
    /// The open subscriptions.
    subscribed: Mutex<HashMap<RequestId, Subscribed>>,
    hits: AtomicU64,
}

/// A subscription, as reported by the server.
#[derive(Default)]
struct Subscribed {
    /// Whether the server sends change notifications.
    works: bool,
    /// The resources.
    uris: Vec<String>,
}

impl SessionCache {
    /// `None` if the cache is off.
    pub(crate) fn open(
        cache: Option<&Cache>,
        name: &Arc<str>,
        connection: &ConnectionInfo,
        version: ProtocolVersion,
        hold: Option<Hold>,
    ) -> Option<Arc<Self>> {
        let default_ttl = cache.and_then(|cache| cache.default_ttl);
        // The legacy era has no caching hints.
        if version.era() != Era::Modern && default_ttl.is_none() {
            return None;
        }
        let private;
        let cache = match cache {
            Some(cache) => cache,
            None => {
                private = Cache::new();
                &private
            }
        };
        let memory = Arc::clone(cache.memory.as_ref()?);
        let address = connection.description.clone();
        let key = ServerKey { name: Arc::clone(name), address, version };
        let server = match connection.binding {
            Binding::StreamableHttp => memory.server(key),
            // Each pipe has a separate process, possibly of another version, and a server in this process has no
            // address.
            _ => memory.private_server(key),
        };
        let shared = cache.shared();
        let (subscribed, hits) = (Mutex::default(), AtomicU64::new(0));
        let stale_if_error = cache.stale_if_error;
        Some(Arc::new(Self {
            memory,
            server,
            shared,
            default_ttl,
            stale_if_error,
            hold,
            subscribed,
            hits,
        }))
    }

    /// The time of the last user login.
    pub(super) fn login(&self) -> Option<Instant> {
        self.hold.as_ref()?.held_until()
    }

    /// The number of calls answered from the cache.
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes all results stale: notifications may have been lost.
    pub(crate) fn evict_all(&self) {
        Kind::ALL.into_iter().for_each(|kind| self.server.evict(kind));
    }

    /// Makes the tool lists stale.
    pub(crate) fn evict_tools(&self) {
        self.server.evict(Kind::Tools);
    }

    /// Records a subscription being opened. It lasts as long as the guard.
    pub(crate) fn listen(self: &Arc<Self>, subscription: &RequestId) -> ListenGuard {
        self.subscriptions().insert(subscription.clone(), Subscribed::default());
        ListenGuard { cache: Arc::clone(self), subscription: subscription.clone() }
    }

    /// Records that the server notifies of changes to these resources from now on.
    pub(super) fn subscribed(&self, subscription: &RequestId, mut uris: Vec<String>) {
        // An untracked resource may be part of any other, so no stale result must be used.
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

    /// Records that the server sends change notifications. Not every server names the subscription.
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

/// An open subscription. After its end, later changes are not reported, unless the server never accepted it.
pub(crate) struct ListenGuard {
    cache: Arc<SessionCache>,
    subscription: RequestId,
}

impl Drop for ListenGuard {
    fn drop(&mut self) {
        let subscribed = self.cache.subscriptions().remove(&self.subscription);
        if subscribed.is_none_or(|subscribed| subscribed.works) {
            self.cache.evict_all();
        }
    }
}

use std::{fmt, sync::Arc, time::Duration};

use super::{
    bounded::CacheLimits,
    memory::Memory,
    shared::SharedResults,
    store::{CacheStore, SharedStore},
};

/// Response cache: honours the server's `ttlMs` and `cacheScope` for the pages of lists and the contents of
/// resources. Only servers of the modern era have these hints.
///
/// Default: in memory, up to 16 MiB and 1024 results, with least-recently-used eviction. No result is cached for longer
/// than a day. The `ttlMs` of a cached result is its remaining time.
///
/// A cache belongs to one client, that is to one authorization: for the credentials of another user, use another
/// client. Sessions opened with clones of one `Cache` in their [options](crate::SessionOptions::cache) belong to one
/// client; a session without a `Cache` is a separate client. A clone with changed settings starts empty, like one [for
/// another client](Cache::for_client).
///
/// Sessions of one client share results of an HTTP server with the same name and address. The address excludes query
/// and credentials: if these select different servers, use different names or caches. Sessions over a pipe or within
/// this process do not share results in memory, since each has its own server. Results in a [`store`](Cache::store) are
/// shared by all clients that use the same server name there.
///
/// A change notification evicts results before the application sees it: a changed list evicts all pages of that list,
/// an updated resource evicts its contents and those of resources above and below it. A gap in which such notifications
/// may have been lost does the same: the start or end of a `subscriptions/listen`, lost messages, a pipe whose server
/// has ended. Without a subscription servers send no notifications, and only `ttlMs` applies.
///
/// ```
/// use mcp_session::{Cache, SessionOptions};
///
/// let cache = Cache::new().max_bytes(1 << 20).max_entries(100);
/// let options = SessionOptions::default().with_cache(cache);
/// ```
///
/// Spec: server/utilities/caching
#[derive(Clone)]
pub struct Cache {
    limits: CacheLimits,
    /// `None` if the cache is off.
    pub(super) memory: Option<Arc<Memory>>,
    server: Arc<str>,
    principal: Option<Arc<str>>,
    store: Option<SharedStore>,
    store_timeout: Duration,
    pub(super) default_ttl: Option<Duration>,
    pub(super) stale_if_error: Duration,
}

/// Whether a call may use the [`Cache`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CacheMode {
    /// Use a fresh cached result.
    #[default]
    Use,
    /// Send the request, and replace the cached result.
    Refresh,
    /// Send the request, without reading or changing the cache.
    Bypass,
}

impl Cache {
    /// A cache in memory.
    pub fn new() -> Self {
        Self {
            limits: CacheLimits::DEFAULT,
            memory: Some(Arc::new(Memory::new(CacheLimits::DEFAULT))),
            server: "".into(),
            principal: None,
            store: None,
            store_timeout: Duration::from_millis(500),
            default_ttl: None,
            stale_if_error: Duration::ZERO,
        }
    }

    /// Turns caching off.
    pub fn off() -> Self {
        Self { memory: None, ..Self::new() }
    }

    /// Sets the maximum number of bytes in memory. Default: 16 MiB. A larger result is not cached.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self.for_client()
    }

    /// Sets the maximum number of results in memory. Default: 1024.
    #[must_use]
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.limits.entries = entries;
        self.for_client()
    }

    /// Shares results with other clients, processes and machines through `store`, as a second level behind the memory.
    ///
    /// `server` identifies the server in the store, in addition to the name and address that the client uses, for
    /// example by its URL and the deployed version. All clients with the same identifier must use the same server.
    /// Private results are shared only if a [`principal`](Cache::principal) is set.
    ///
    /// A failure of the store never fails a call. It is logged, and the store is not used for ten seconds.
    #[must_use]
    pub fn store(mut self, server: &str, store: impl CacheStore) -> Self {
        self.server = server.into();
        self.store = Some(SharedStore::new(store));
        self.for_client()
    }

    /// Names the user or service on whose behalf requests are sent, so that private results are shared in a
    /// [`store`](Cache::store) under this name. Default: none; private results stay in memory.
    #[must_use]
    pub fn principal(mut self, principal: &str) -> Self {
        self.principal = Some(principal.into());
        self.for_client()
    }

    /// Sets the timeout for the [`store`](Cache::store): once before the request, and once after the result. Default:
    /// 500 ms.
    #[must_use]
    pub fn store_timeout(mut self, limit: Duration) -> Self {
        self.store_timeout = limit;
        self.for_client()
    }

    /// Sets the time for which results without a `ttlMs`, including those of legacy servers, are cached: in memory, as
    /// private results. A `ttlMs` of zero is honoured. Legacy servers send notifications about changed lists without a
    /// subscription, but are not required to, and send none about resource contents: the time is the maximum age of a
    /// result. Default: none; such results are not cached.
    #[must_use]
    pub fn default_ttl(mut self, ttl: impl Into<Option<Duration>>) -> Self {
        self.default_ttl = ttl.into();
        self.for_client()
    }

    /// Sets for how long after its expiry a result in memory is used if the server cannot be reached, does not respond
    /// in time or reports an outage. Such a use is logged, and the result's `ttlMs`, if any, is zero. Default: zero;
    /// the call fails.
    #[doc(alias = "stale")]
    #[must_use]
    pub fn stale_if_error(mut self, limit: Duration) -> Self {
        self.stale_if_error = limit;
        self.for_client()
    }

    /// The same settings for another client, with an empty memory.
    #[must_use]
    pub fn for_client(&self) -> Self {
        let memory = self.memory.as_ref().map(|_| Arc::new(Memory::new(self.limits)));
        Self { memory, ..self.clone() }
    }

    pub(super) fn shared(&self) -> Option<SharedResults> {
        let store = self.store.clone()?;
        let principal = self.principal.clone();
        Some(SharedResults::new(store, Arc::clone(&self.server), principal, self.store_timeout))
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("on", &self.memory.is_some())
            .field("limits", &self.limits)
            .field("has_store", &self.store.is_some())
            .field("has_principal", &self.principal.is_some())
            .finish_non_exhaustive()
    }
}

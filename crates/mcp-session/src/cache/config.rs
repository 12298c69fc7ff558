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
/// Default: in memory, up to 16 MiB and 1024 results; the least recently used are evicted first. No result
/// is kept for longer than a day. A cached result says in its `ttlMs` how much of its time is left.
///
/// A cache belongs to one client, that is to one authorization: when the credentials change to those of
/// another person, use another client. Sessions that are opened with clones of one `Cache` in their
/// [options](crate::SessionOptions::cache) are sessions of one client; a session without a `Cache` is
/// another client. A clone whose settings are changed has an empty memory, as one
/// [for another client](Cache::for_client) has.
///
/// Sessions of one client share the results of an HTTP server that has one name and address. The address is
/// without query and credentials: where these lead to different servers, use different names or different
/// caches. A session over a pipe or within this process shares nothing in memory, since each has a server of
/// its own. Results in a [`store`](Cache::store) are shared by all clients that name the same server there.
///
/// A notification of a change evicts results before the application is notified: a changed list evicts all
/// pages of that list, an updated resource its contents and those of resources above and below it. So does
/// any gap in which such a notification may have been lost: a `subscriptions/listen` that begins or ends,
/// lost messages, a pipe whose server has ended. Without a subscription servers send no notifications, and
/// only the time counts.
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
    /// `None` where nothing is cached.
    pub(super) memory: Option<Arc<Memory>>,
    server: Arc<str>,
    principal: Option<Arc<str>>,
    store: Option<SharedStore>,
    store_timeout: Duration,
    pub(super) default_ttl: Option<Duration>,
    pub(super) stale_if_error: Duration,
}

/// Whether a call may be answered from the [`Cache`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CacheMode {
    /// It is, where a fresh result is cached.
    #[default]
    Use,
    /// The request is sent, and its result replaces the cached one.
    Refresh,
    /// The request is sent, and the cache stays as it is.
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

    /// No cache.
    pub fn off() -> Self {
        Self { memory: None, ..Self::new() }
    }

    /// Sets the number of bytes in memory. Default: 16 MiB. A larger result is not cached.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self.for_client()
    }

    /// Sets the number of results in memory. Default: 1024.
    #[must_use]
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.limits.entries = entries;
        self.for_client()
    }

    /// Shares results through `store`, behind the memory: with other clients, processes and machines.
    ///
    /// `server` names the server for all of them, in addition to the name and the address that the client
    /// has for it, such as by its URL and the deployed version. All clients that use one name have to reach
    /// the same server. Private results are shared only where a [`principal`](Cache::principal) is named.
    ///
    /// A store that fails never fails a call. The failure is logged, and the store is not used for ten
    /// seconds.
    #[must_use]
    pub fn store(mut self, server: &str, store: impl CacheStore) -> Self {
        self.server = server.into();
        self.store = Some(SharedStore::new(store));
        self.for_client()
    }

    /// Names the person or service on whose behalf requests are sent, so that private results are shared in
    /// a [`store`](Cache::store) under this name. Default: none, and private results stay in memory.
    #[must_use]
    pub fn principal(mut self, principal: &str) -> Self {
        self.principal = Some(principal.into());
        self.for_client()
    }

    /// Sets the time that a call waits for the [`store`](Cache::store): once before the request, and once after
    /// the result. Default: 500 ms.
    #[must_use]
    pub fn store_timeout(mut self, limit: Duration) -> Self {
        self.store_timeout = limit;
        self.for_client()
    }

    /// Sets the time for which results without a `ttlMs` are cached, those of servers of the legacy era among
    /// them: in memory, as private ones. A server that gives zero is obeyed. Servers of the legacy era send
    /// notifications about changes without a subscription, but for contents of resources, and need not send
    /// any: the time is how old a result may be. Default: none, and such results are not cached.
    #[must_use]
    pub fn default_ttl(mut self, ttl: impl Into<Option<Duration>>) -> Self {
        self.default_ttl = ttl.into();
        self.for_client()
    }

    /// Sets for how long after its time a result in memory is used where the server cannot be reached, does not
    /// answer in time or has an outage. It is logged then, and has a `ttlMs` of zero, where it has one. Default:
    /// zero, and the call fails.
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

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mcp_core::ProtocolVersion;
use tokio::time::Instant;

use super::{
    bounded::{Bounded, CacheLimits},
    key::{CacheKey, Kind, is_related},
    result::CacheableResult,
};

/// Maximum number of servers of one client; above it, those without a session are evicted.
const MAX_SERVERS: usize = 1024;

/// The results of all servers of one client.
pub(crate) struct Memory {
    results: Mutex<Bounded<(u64, CacheKey), Entry>>,
    servers: Mutex<Servers>,
}

struct Entry {
    result: CacheableResult,
    until: Instant,
    /// The age of its kind when the request was sent; entries of a lower age are stale.
    age: u64,
}

#[derive(Default)]
struct Servers {
    last: u64,
    known: HashMap<ServerKey, Arc<CachedServer>>,
}

/// A server, in one revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ServerKey {
    /// The client's name for the server.
    pub(crate) name: Arc<str>,
    pub(crate) address: String,
    pub(crate) version: ProtocolVersion,
}

/// A server as seen by one client: over all its sessions, or a single one.
#[derive(Debug)]
pub(crate) struct CachedServer {
    number: u64,
    pub(crate) key: ServerKey,
    kinds: [Changes; Kind::ALL.len()],
}

/// Changes of the results of one kind.
#[derive(Debug, Default)]
struct Changes {
    /// The number of times that all of them became stale.
    age: AtomicU64,
    /// The number of times that any of them did.
    count: AtomicU64,
    /// The last change for which the shared store was invalidated.
    published: AtomicU64,
}

/// The state of a kind when a request was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    age: u64,
    changes: u64,
}

impl Memory {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self { results: Mutex::new(Bounded::new(limits)), servers: Mutex::default() }
    }

    /// The server shared by all sessions with this key.
    pub(crate) fn server(&self, key: ServerKey) -> Arc<CachedServer> {
        let mut servers = self.servers();
        if let Some(server) = servers.known.get(&key) {
            return Arc::clone(server);
        }
        if servers.known.len() >= MAX_SERVERS {
            // A server that is added again gets a new number, so its old results are not found.
            servers.known.retain(|_, server| Arc::strong_count(server) > 1);
        }
        let server = servers.add(key.clone());
        servers.known.insert(key, Arc::clone(&server));
        server
    }

    /// A server of a single session. Its results are unused once it is dropped, and are evicted first.
    pub(crate) fn private_server(&self, key: ServerKey) -> Arc<CachedServer> {
        self.servers().add(key)
    }

    /// The result and its remaining time. Evicts it if it has been stale for longer than `grace`. A private result from
    /// before `login`, the last user login, may belong to another user.
    pub(crate) fn find(
        &self,
        server: &CachedServer,
        key: &CacheKey,
        login: Option<Instant>,
        grace: Duration,
    ) -> Option<(CacheableResult, Duration)> {
        let numbered = (server.number, key.clone());
        let now = Instant::now();
        let mut results = self.results();
        let Entry { result, until, age } = results.find(&numbered)?;
        let left = until.saturating_duration_since(now);
        let is_before = |login: Instant| until.checked_sub(result.ttl).is_none_or(|at| at <= login);
        let is_others = !result.is_public && login.is_some_and(is_before);
        let is_over = now.saturating_duration_since(*until) >= grace && left.is_zero();
        if is_over || is_others || *age != server.stamp(key.kind).age {
            results.remove(&numbered);
            return None;
        }
        Some((result.clone(), left))
    }

    /// Caches the result of a request sent at `stamp`, unless its kind has changed since.
    pub(crate) fn put(
        &self,
        server: &CachedServer,
        key: CacheKey,
        stamp: Stamp,
        result: CacheableResult,
    ) {
        // A time beyond the clock's range never comes.
        let Some(until) = Instant::now().checked_add(result.ttl) else { return };
        let bytes = key.bytes() + result.json.len();
        let mut results = self.results();
        if server.is_unchanged(key.kind, stamp) {
            let entry = Entry { result, until, age: stamp.age };
            results.put((server.number, key), entry, bytes);
        }
    }

    pub(crate) fn remove(&self, server: &CachedServer, key: &CacheKey) {
        self.results().remove(&(server.number, key.clone()));
    }

    /// Evicts the contents of this resource, and of those above and below it.
    pub(crate) fn evict_resource(&self, server: &CachedServer, uri: &str) {
        let mut results = self.results();
        server.kinds[Kind::Reads as usize].count.fetch_add(1, Ordering::SeqCst);
        results.retain(|(number, key)| {
            let is_read = *number == server.number && key.kind == Kind::Reads;
            !is_read || !key.target.as_deref().is_some_and(|read| is_related(read, uri))
        });
    }

    fn results(&self) -> MutexGuard<'_, Bounded<(u64, CacheKey), Entry>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn servers(&self) -> MutexGuard<'_, Servers> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Servers {
    fn add(&mut self, key: ServerKey) -> Arc<CachedServer> {
        self.last += 1;
        Arc::new(CachedServer { number: self.last, key, kinds: Default::default() })
    }
}

impl CachedServer {
    /// Makes all results of this kind stale. Only increments a counter: stale results are detected on lookup, and
    /// evicted when space is needed.
    pub(crate) fn evict(&self, kind: Kind) {
        let changes = &self.kinds[kind as usize];
        changes.age.fetch_add(1, Ordering::SeqCst);
        changes.count.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn stamp(&self, kind: Kind) -> Stamp {
        let changes = &self.kinds[kind as usize];
        let count = changes.count.load(Ordering::SeqCst);
        Stamp { age: changes.age.load(Ordering::SeqCst), changes: count }
    }

    pub(crate) fn is_unchanged(&self, kind: Kind, since: Stamp) -> bool {
        self.stamp(kind).changes == since.changes
    }

    /// Whether the shared store was invalidated for all changes up to the stamp.
    pub(crate) fn is_published(&self, kind: Kind, stamp: Stamp) -> bool {
        self.kinds[kind as usize].published.load(Ordering::SeqCst) >= stamp.changes
    }

    pub(crate) fn publish(&self, kind: Kind, stamp: Stamp) {
        self.kinds[kind as usize].published.fetch_max(stamp.changes, Ordering::SeqCst);
    }
}

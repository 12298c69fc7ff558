use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::bounded::{Bounded, CacheLimits};

/// A store through which clients share cached results, such as a database; see [`Cache::store`](crate::Cache::store).
///
/// Keys are opaque text, as long as a URI may be: a store with a length limit may use a cryptographic digest. Values
/// are opaque too. A store may lose any value at any time, and should not return expired values. Its futures must not
/// block, and are dropped when they take too long.
///
/// ```
/// use std::{collections::HashMap, convert::Infallible, sync::Mutex, time::Instant};
/// use mcp_session::{CacheEntry, CacheStore};
///
/// #[derive(Default)]
/// struct Values(Mutex<HashMap<String, (CacheEntry, Instant)>>);
///
/// impl CacheStore for Values {
///     type Error = Infallible;
///
///     async fn get(&self, key: &str) -> Result<Option<CacheEntry>, Infallible> {
///         let values = self.0.lock().expect("no panic under the lock");
///         let found = values.get(key).and_then(|(entry, since)| {
///             let left = entry.ttl.checked_sub(since.elapsed())?;
///             Some(CacheEntry::new(entry.value.clone(), left))
///         });
///         Ok(found)
///     }
///
///     async fn put(&self, key: &str, entry: CacheEntry) -> Result<(), Infallible> {
///         let mut values = self.0.lock().expect("no panic under the lock");
///         values.insert(key.to_owned(), (entry, Instant::now()));
///         Ok(())
///     }
///
///     async fn remove(&self, key: &str) -> Result<(), Infallible> {
///         self.0.lock().expect("no panic under the lock").remove(key);
///         Ok(())
///     }
/// }
/// ```
pub trait CacheStore: Send + Sync + 'static {
    /// The error of the store, which is logged.
    type Error: fmt::Display + Send;

    /// Returns a value and its remaining time.
    fn get(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<CacheEntry>, Self::Error>> + Send;

    /// Stores or replaces a value for its time to live.
    fn put(
        &self,
        key: &str,
        entry: CacheEntry,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Removes a value. A missing value is not an error.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A value in a [`CacheStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheEntry {
    /// The value.
    pub value: Bytes,
    /// The time to live from now on.
    pub ttl: Duration,
}

impl CacheEntry {
    /// Creates an entry with this time to live.
    pub fn new(value: impl Into<Bytes>, ttl: Duration) -> Self {
        Self { value: value.into(), ttl }
    }
}

impl<S: CacheStore> CacheStore for Arc<S> {
    type Error = S::Error;

    async fn get(&self, key: &str) -> Result<Option<CacheEntry>, S::Error> {
        (**self).get(key).await
    }

    async fn put(&self, key: &str, entry: CacheEntry) -> Result<(), S::Error> {
        (**self).put(key, entry).await
    }

    async fn remove(&self, key: &str) -> Result<(), S::Error> {
        (**self).remove(key).await
    }
}

/// A [`CacheStore`] in memory, shared by clients of one process that use clones of it. The least recently used values
/// are evicted first.
#[derive(Clone)]
pub struct MemoryStore(Arc<Mutex<Bounded<String, (Bytes, Instant)>>>);

impl MemoryStore {
    /// Creates a store of up to 16 MiB and 1024 values.
    pub fn new() -> Self {
        Self::with_limits(CacheLimits::DEFAULT.bytes, CacheLimits::DEFAULT.entries)
    }

    /// Creates a store of up to this many bytes and values.
    pub fn with_limits(bytes: usize, entries: usize) -> Self {
        Self(Arc::new(Mutex::new(Bounded::new(CacheLimits { bytes, entries }))))
    }

    fn lock(&self) -> MutexGuard<'_, Bounded<String, (Bytes, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl CacheStore for MemoryStore {
    type Error = Infallible;

    async fn get(&self, key: &str) -> Result<Option<CacheEntry>, Infallible> {
        let key = key.to_owned();
        let mut entries = self.lock();
        let Some((value, until)) = entries.find(&key) else { return Ok(None) };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            entries.remove(&key);
            return Ok(None);
        }
        Ok(Some(CacheEntry::new(value.clone(), left)))
    }

    async fn put(&self, key: &str, entry: CacheEntry) -> Result<(), Infallible> {
        if let Some(until) = Instant::now().checked_add(entry.ttl) {
            let bytes = key.len() + entry.value.len();
            self.lock().put(key.to_owned(), (entry.value, until), bytes);
        }
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), Infallible> {
        self.lock().remove(&key.to_owned());
        Ok(())
    }
}

type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Any [`CacheStore`], with errors as text.
trait Erased: Send + Sync {
    fn get<'a>(&'a self, key: &'a str) -> Work<'a, Option<CacheEntry>>;
    fn put<'a>(&'a self, key: &'a str, entry: CacheEntry) -> Work<'a, ()>;
    fn remove<'a>(&'a self, key: &'a str) -> Work<'a, ()>;
}

impl<S: CacheStore> Erased for S {
    fn get<'a>(&'a self, key: &'a str) -> Work<'a, Option<CacheEntry>> {
        Box::pin(async move { CacheStore::get(self, key).await.map_err(|it| it.to_string()) })
    }

    fn put<'a>(&'a self, key: &'a str, entry: CacheEntry) -> Work<'a, ()> {
        Box::pin(
            async move { CacheStore::put(self, key, entry).await.map_err(|it| it.to_string()) },
        )
    }

    fn remove<'a>(&'a self, key: &'a str) -> Work<'a, ()> {
        Box::pin(async move { CacheStore::remove(self, key).await.map_err(|it| it.to_string()) })
    }
}

/// How long a store is not used after a failure or timeout.
const STORE_PAUSE: Duration = Duration::from_secs(10);

/// A store, and the time until which it is not used.
#[derive(Clone)]
pub(super) struct SharedStore {
    store: Arc<dyn Erased>,
    paused_until: Arc<Mutex<Option<Instant>>>,
}

impl SharedStore {
    pub(super) fn new(store: impl CacheStore) -> Self {
        Self { store: Arc::new(store), paused_until: Arc::default() }
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<CacheEntry>, String> {
        self.store.get(key).await
    }

    pub(super) async fn put(&self, key: &str, entry: CacheEntry) -> Result<(), String> {
        self.store.put(key, entry).await
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), String> {
        self.store.remove(key).await
    }

    /// Runs `work` with the timeout. After a failure the store is not used for a while.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, String>>,
    ) -> Option<T> {
        if self.pause().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let error = match tokio::time::timeout(limit, work).await {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => error,
            Err(_) => format!("no answer within {limit:?}"),
        };
        tracing::warn!(error, "the cache store failed and is not used for a while");
        *self.pause() = Instant::now().checked_add(STORE_PAUSE);
        None
    }

    fn pause(&self) -> MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Results that servers let their clients keep for a time.
//!
//! Spec: server/utilities/caching

mod bounded;
mod evict;
mod hints;
mod memory;
mod session;
mod shared;
mod store;
mod subject;
mod ticket;

use std::{fmt, sync::Arc, time::Duration};

use memory::Memory;
use shared::Shared;

pub use store::{CacheEntry, CacheStore, MemoryStore};

pub(crate) use session::{Listening, SessionCache};
pub(crate) use ticket::Ticket;

/// The longest that anything is kept, whatever a server says.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What becomes of the results that servers let their clients keep: the pages of lists and what
/// resources hold, where a server of the modern era gives them a time (`ttlMs`). Nothing is kept of
/// servers that give none, and nothing of the legacy era.
///
/// By default they are kept in memory, up to 16 MiB and 1024 results, the least recently used go first,
/// and no time is longer than a day. A result that is served once more says in its `ttlMs` how much of
/// its time is left.
///
/// What is kept belongs to one client, that is to one authorization: somebody whose credentials change
/// to those of another person has to use another client. Sessions that are opened with clones of one
/// `Cache` in their [options](crate::SessionOptions::cache) are sessions of one client, and without any
/// `Cache` each session is a client by itself. A clone whose settings are changed has an empty memory of its
/// own, as one [for another client](Cache::for_client) has.
///
/// Sessions of one client share what they keep of an HTTP server under one name and address. The address
/// is without query and credentials: where these lead to different servers, the sessions need different
/// names, or different caches. Each session over a pipe or within this process is with a server of its own,
/// and shares nothing in memory. What goes through a [`store`](Cache::store) is shared by whoever names
/// the same server there.
///
/// What a server says of a change makes it forget at once, before the application is told: a changed
/// list all pages of that list, an updated resource what was read from it and from those above and below
/// it. So does whatever may have made us miss such a word: a `subscriptions/listen` that begins to work, or
/// ends after it did, messages that were lost, a pipe whose server ended. Without a subscription servers
/// say nothing, and only the time counts.
///
/// ```
/// use mcp_session::{Cache, SessionOptions};
///
/// let mut options = SessionOptions::default();
/// options.cache = Some(Cache::new().max_bytes(1 << 20).max_entries(100));
/// ```
///
/// Spec: server/utilities/caching
#[derive(Clone)]
pub struct Cache {
    limits: Limits,
    /// `None` where nothing is kept.
    memory: Option<Arc<Memory>>,
    server: Arc<str>,
    principal: Option<Arc<str>>,
    store: Option<store::SharedStore>,
    store_timeout: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    bytes: usize,
    entries: usize,
}

impl Limits {
    const DEFAULT: Self = Self { bytes: 16 << 20, entries: 1024 };
}

/// Whether a call may be answered from the [`Cache`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CacheMode {
    /// It is, where there is a result that is fresh.
    #[default]
    Use,
    /// The server is asked, and its answer takes the place of what was kept.
    Refresh,
    /// The server is asked, and what was kept stays as it is.
    Bypass,
}

impl Cache {
    /// Keeps results in memory.
    pub fn new() -> Self {
        Self {
            limits: Limits::DEFAULT,
            memory: Some(Arc::new(Memory::new(Limits::DEFAULT))),
            server: "".into(),
            principal: None,
            store: None,
            store_timeout: Duration::from_millis(500),
        }
    }

    /// Keeps nothing.
    pub fn off() -> Self {
        Self { memory: None, ..Self::new() }
    }

    /// The most bytes in memory. Default: 16 MiB. A result that alone is larger is not kept.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self.for_client()
    }

    /// The most results in memory. Default: 1024.
    #[must_use]
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.limits.entries = entries;
        self.for_client()
    }

    /// Shares results through `store`, behind what is kept in memory: with other clients, processes and
    /// machines.
    ///
    /// `server` names the server for all of them, beside the name and the address that the client has
    /// for it, such as by its URL and the version that was deployed. Whoever uses one name has to reach
    /// the same server. What a server lets nobody else see is shared only where a
    /// [`principal`](Cache::principal) is named.
    ///
    /// A store that fails never fails a call. It is logged and left alone for ten seconds.
    #[must_use]
    pub fn store(mut self, server: &str, store: impl CacheStore) -> Self {
        self.server = server.into();
        self.store = Some(store::SharedStore::new(store));
        self.for_client()
    }

    /// Names on whose behalf the server is asked, for results that nobody else may see to be shared
    /// among the clients of this one: in a [`store`](Cache::store), under this name. Default: nobody,
    /// and such results stay in memory.
    #[must_use]
    pub fn principal(mut self, principal: &str) -> Self {
        self.principal = Some(principal.into());
        self.for_client()
    }

    /// How long a call waits for the [`store`](Cache::store) at the most: once before the server is
    /// asked, and once after its answer. Default: 500 ms.
    #[must_use]
    pub fn store_timeout(mut self, limit: Duration) -> Self {
        self.store_timeout = limit;
        self.for_client()
    }

    /// The same settings for another client, with nothing in memory yet.
    #[must_use]
    pub fn for_client(&self) -> Self {
        let memory = self.memory.as_ref().map(|_| Arc::new(Memory::new(self.limits)));
        Self { memory, ..self.clone() }
    }

    fn shared(&self) -> Option<Shared> {
        let store = self.store.clone()?;
        let principal = self.principal.clone();
        Some(Shared::new(store, Arc::clone(&self.server), principal, self.store_timeout))
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

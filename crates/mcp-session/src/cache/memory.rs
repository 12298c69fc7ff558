use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use mcp_core::{ProtocolVersion, RawJson};
use tokio::time::Instant;

use super::{
    Limits,
    bounded::Bounded,
    hints::Hinted,
    subject::{Kind, Subject, is_related},
};

/// Servers that a client may have known before those without a session are forgotten.
const MAX_SITES: usize = 1024;

/// What one client keeps of all its servers.
pub(crate) struct Memory {
    results: Mutex<Bounded<(u64, Subject), Kept>>,
    sites: Mutex<Sites>,
}

struct Kept {
    hinted: Hinted,
    until: Instant,
    /// The age of its kind when the server was asked: what is older than that is stale.
    age: u64,
}

#[derive(Default)]
struct Sites {
    last: u64,
    known: HashMap<Place, Arc<Site>>,
}

/// Which server, in which revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// What the client calls it.
    pub(crate) name: Arc<str>,
    /// How it is reached.
    pub(crate) address: String,
    pub(crate) version: ProtocolVersion,
}

/// One server to one client: over all its sessions, or over one.
#[derive(Debug)]
pub(crate) struct Site {
    number: u64,
    pub(crate) place: Place,
    kinds: [Turns; 5],
}

/// What has happened to the results of one kind.
#[derive(Debug, Default)]
struct Turns {
    /// Counts how often all of them became stale.
    age: AtomicU64,
    /// Counts how often any did.
    changes: AtomicU64,
    /// Up to which change the store of others is known to be told.
    told: AtomicU64,
}

/// How things stood when a server was asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    age: u64,
    pub(crate) changes: u64,
}

impl Memory {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { results: Mutex::new(Bounded::new(limits)), sites: Mutex::default() }
    }

    pub(crate) fn site(&self, place: Place) -> Arc<Site> {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = sites.known.get(&place) {
            return Arc::clone(site);
        }
        if sites.known.len() >= MAX_SITES {
            // The number of one that comes back is another, so nothing of before is found.
            sites.known.retain(|_, site| Arc::strong_count(site) > 1);
        }
        let site = sites.begin(place.clone());
        sites.known.insert(place, Arc::clone(&site));
        site
    }

    /// One that no other session finds, whatever it calls the server. What is kept of it when it is gone is
    /// not used any more, and so it is the first to go.
    pub(crate) fn site_of_its_own(&self, place: Place) -> Arc<Site> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner).begin(place)
    }

    /// The result, if it is fresh.
    pub(crate) fn find(&self, site: &Site, subject: &Subject) -> Option<RawJson> {
        let key = (site.number, subject.clone());
        let mut results = self.results();
        let Kept { hinted, until, age } = results.find(&key)?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || *age != site.stamp(subject.kind).age {
            results.remove(&key);
            return None;
        }
        let hinted = hinted.clone();
        drop(results);
        Some(hinted.with_ttl(left))
    }

    /// Keeps a result that a server was asked for at `stamp`, unless there was word of a change since.
    pub(crate) fn keep(&self, site: &Site, subject: Subject, stamp: Stamp, hinted: Hinted) {
        // A time that no clock reaches is none.
        let Some(until) = Instant::now().checked_add(hinted.ttl) else { return };
        let bytes = subject.bytes() + hinted.json.len();
        let mut results = self.results();
        if site.is_still(subject.kind, stamp) {
            let kept = Kept { hinted, until, age: stamp.age };
            results.put((site.number, subject), kept, bytes);
        }
    }

    pub(crate) fn remove(&self, site: &Site, subject: &Subject) {
        self.results().remove(&(site.number, subject.clone()));
    }

    /// Forgets what was read from this resource, and from those above and below it.
    pub(crate) fn updated(&self, site: &Site, uri: &str) {
        let mut results = self.results();
        site.kinds[Kind::Reads as usize].changes.fetch_add(1, Ordering::SeqCst);
        results.retain(|(number, subject)| {
            let is_read = *number == site.number && subject.kind == Kind::Reads;
            !is_read || !subject.of.as_deref().is_some_and(|read| is_related(read, uri))
        });
    }

    fn results(&self) -> MutexGuard<'_, Bounded<(u64, Subject), Kept>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sites {
    /// The number is another each time.
    fn begin(&mut self, place: Place) -> Arc<Site> {
        self.last += 1;
        Arc::new(Site { number: self.last, place, kinds: Default::default() })
    }
}

impl Site {
    /// All results of this kind are stale. Costs nothing but the count: what is stale is found out when
    /// it is looked up, and goes when there is no room for it.
    pub(crate) fn changed(&self, kind: Kind) {
        let turns = &self.kinds[kind as usize];
        turns.age.fetch_add(1, Ordering::SeqCst);
        turns.changes.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn stamp(&self, kind: Kind) -> Stamp {
        let turns = &self.kinds[kind as usize];
        let changes = turns.changes.load(Ordering::SeqCst);
        Stamp { age: turns.age.load(Ordering::SeqCst), changes }
    }

    /// Whether there was no word of a change since.
    pub(crate) fn is_still(&self, kind: Kind, stamp: Stamp) -> bool {
        self.stamp(kind).changes == stamp.changes
    }

    /// Whether the store of others knows of all changes up to the stamp.
    pub(crate) fn is_told(&self, kind: Kind, stamp: Stamp) -> bool {
        self.kinds[kind as usize].told.load(Ordering::SeqCst) >= stamp.changes
    }

    pub(crate) fn told(&self, kind: Kind, stamp: Stamp) {
        self.kinds[kind as usize].told.fetch_max(stamp.changes, Ordering::SeqCst);
    }
}

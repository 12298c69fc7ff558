use std::hash::Hash;

use lru::LruCache;

use super::Limits;

/// What one entry costs beside its bytes, about.
const OVERHEAD: usize = 256;

/// A map that forgets what was not used for the longest time when it is full.
pub(crate) struct Bounded<K: Hash + Eq, V> {
    entries: LruCache<K, Weighed<V>>,
    bytes: usize,
    limits: Limits,
}

struct Weighed<V> {
    value: V,
    bytes: usize,
}

impl<K: Hash + Eq, V> Bounded<K, V> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, limits }
    }

    /// Looks it up, which counts as a use.
    pub(crate) fn find(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|weighed| &weighed.value)
    }

    /// Adds an entry of so many bytes in place of the one that there is. One that is too large for all of
    /// the map is dropped, and so is what it replaces.
    pub(crate) fn put(&mut self, key: K, value: V, bytes: usize) {
        self.remove(&key);
        let bytes = bytes.saturating_add(OVERHEAD);
        if bytes > self.limits.bytes || self.limits.entries == 0 {
            return;
        }
        self.bytes += bytes;
        self.entries.put(key, Weighed { value, bytes });
        while self.bytes > self.limits.bytes || self.entries.len() > self.limits.entries {
            let Some((_, oldest)) = self.entries.pop_lru() else { break };
            self.bytes -= oldest.bytes;
        }
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(removed) = self.entries.pop(key) {
            self.bytes -= removed.bytes;
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        let bytes = &mut self.bytes;
        self.entries.retain(|key, weighed| {
            let stays = keep(key);
            if !stays {
                *bytes -= weighed.bytes;
            }
            stays
        });
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize, entries: usize) -> Bounded<u32, u32> {
        Bounded::new(Limits { bytes, entries })
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut map = of(usize::MAX, 2);
        map.put(1, 1, 0);
        map.put(2, 2, 0);
        assert_eq!(map.find(&1), Some(&1));
        map.put(3, 3, 0);
        assert_eq!([1, 2, 3].map(|key| map.find(&key).copied()), [Some(1), None, Some(3)]);
    }

    #[test]
    fn bytes_are_counted_and_given_back() {
        let mut map = of(2 * (100 + OVERHEAD), 100);
        map.put(1, 1, 100);
        map.put(1, 2, 100);
        map.put(2, 2, 100);
        assert_eq!(map.len(), 2, "what is replaced counts once");
        map.put(3, 3, 101);
        assert_eq!((map.len(), map.bytes), (1, 101 + OVERHEAD), "one more byte needs both places");
        map.put(3, 3, 10_000);
        assert_eq!((map.len(), map.bytes), (0, 0), "too large, and what it replaces is stale");
        map.put(4, 4, 1);
        map.retain(|key| *key != 4);
        assert_eq!((map.len(), map.bytes), (0, 0));
        map.put(5, 5, 1);
        map.remove(&5);
        assert_eq!((map.len(), map.bytes), (0, 0));
        let mut none = of(1 << 20, 0);
        none.put(1, 1, 1);
        assert_eq!(none.find(&1), None);
    }
}

use std::hash::Hash;

use lru::LruCache;

/// Bytes counted for each entry in addition to its own size.
const OVERHEAD: usize = 256;

/// The size of a [`Bounded`] map.
#[derive(Debug, Clone, Copy)]
pub(super) struct CacheLimits {
    pub(super) bytes: usize,
    pub(super) entries: usize,
}

impl CacheLimits {
    pub(super) const DEFAULT: Self = Self { bytes: 16 << 20, entries: 1024 };
}

/// A map that evicts the least recently used entries when it is full.
pub(super) struct Bounded<K: Hash + Eq, V> {
    entries: LruCache<K, Weighed<V>>,
    bytes: usize,
    limits: CacheLimits,
}

struct Weighed<V> {
    value: V,
    bytes: usize,
}

impl<K: Hash + Eq, V> Bounded<K, V> {
    pub(super) fn new(limits: CacheLimits) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, limits }
    }

    /// Finds an entry and marks it as used.
    pub(super) fn find(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|weighed| &weighed.value)
    }

    /// Adds or replaces an entry of this size. An entry larger than the whole map is dropped, together with the one it
    /// would replace.
    pub(super) fn put(&mut self, key: K, value: V, bytes: usize) {
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

    pub(super) fn remove(&mut self, key: &K) {
        if let Some(removed) = self.entries.pop(key) {
            self.bytes -= removed.bytes;
        }
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
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
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize, entries: usize) -> Bounded<u32, u32> {
        Bounded::new(CacheLimits { bytes, entries })
    }

    #[test]
    fn the_least_recently_used_is_evicted_first() {
        let mut map = of(usize::MAX, 2);
        map.put(1, 1, 0);
        map.put(2, 2, 0);
        assert_eq!(map.find(&1), Some(&1));
        map.put(3, 3, 0);
        assert_eq!([1, 2, 3].map(|key| map.find(&key).copied()), [Some(1), None, Some(3)]);
    }

    #[test]
    fn bytes_are_counted_and_released() {
        let mut map = of(2 * (100 + OVERHEAD), 100);
        map.put(1, 1, 100);
        map.put(1, 2, 100);
        map.put(2, 2, 100);
        assert_eq!(map.len(), 2, "a replaced entry counts once");
        map.put(3, 3, 101);
        assert_eq!((map.len(), map.bytes), (1, 101 + OVERHEAD), "one more byte evicts both");
        map.put(3, 3, 10_000);
        assert_eq!(
            (map.len(), map.bytes),
            (0, 0),
            "too large, and the one that it replaces is stale"
        );
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

//! Cached results.

use std::time::Duration;

use bytes::Bytes;
use mcp_session::{CacheEntry, CacheStore};

use crate::{error::Error, store::RedisStore};

const KIND: &str = "cache";

impl CacheStore for RedisStore {
    type Error = Error;

    async fn get(&self, key: &str) -> Result<Option<CacheEntry>, Error> {
        let key = self.key(KIND, key);
        let mut both = redis::pipe();
        // The value and its time belong together.
        both.atomic().get(&key).pttl(&key);
        let (value, left): (Option<Vec<u8>>, i64) = self.run_all("cannot get", &both).await?;
        let left = u64::try_from(left).ok().filter(|left| *left > 0);
        Ok(value
            .zip(left)
            .map(|(value, left)| CacheEntry::new(Bytes::from(value), Duration::from_millis(left))))
    }

    async fn put(&self, key: &str, entry: CacheEntry) -> Result<(), Error> {
        let millis = u64::try_from(entry.ttl.as_millis()).unwrap_or(u64::MAX);
        // Redis accepts no time of zero, and none beyond the range of its clock.
        let millis = millis.min(MAX_MILLIS);
        if millis == 0 {
            return CacheStore::remove(self, key).await;
        }
        let put = redis::Cmd::pset_ex(self.key(KIND, key), &*entry.value, millis);
        self.run("cannot set", &put).await
    }

    async fn remove(&self, key: &str) -> Result<(), Error> {
        self.run("cannot delete", &redis::Cmd::del(self.key(KIND, key))).await
    }
}

/// The longest time to live: 100 years.
const MAX_MILLIS: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

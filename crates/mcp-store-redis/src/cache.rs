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
        self.put_for(&self.key(KIND, key), &entry.value, entry.ttl).await
    }

    async fn remove(&self, key: &str) -> Result<(), Error> {
        self.delete(&self.key(KIND, key)).await
    }
}

//! Results shared through a store.
//!
//! A store cannot list its keys of one server. So each key contains a random value that the store holds for its kind of
//! result, the *epoch*: replacing the epoch evicts all results of the kind, since their keys are never used again. The
//! result of a request that was sent before is stored under the old epoch, and so is lost too.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::Arc,
    time::Duration,
};

use mcp_core::RawJson;

use super::{
    key::{CacheKey, Kind},
    memory::{CachedServer, Stamp},
    result::{CacheableResult, MAX_TTL},
    store::{CacheEntry, SharedStore},
};

/// The version of keys and values. Clients of different versions do not share results.
const KEY_VERSION: &str = "mcp-cache-1";

/// Longer than any result is stored.
const EPOCH_TTL: Duration = MAX_TTL.saturating_mul(2);

/// A store, and the principal on whose behalf it is used.
pub(crate) struct SharedResults {
    store: SharedStore,
    server: Arc<str>,
    principal: Option<Arc<str>>,
    limit: Duration,
}

/// The random value in the keys of one kind of result.
#[derive(Debug, Clone)]
pub(crate) struct Epoch(String);

impl SharedResults {
    pub(crate) fn new(
        store: SharedStore,
        server: Arc<str>,
        principal: Option<Arc<str>>,
        limit: Duration,
    ) -> Self {
        Self { store, server, principal, limit }
    }

    /// The epoch, and the result if it is `wanted` and stored. Publishes the changes that the store does not have yet.
    pub(crate) async fn get(
        &self,
        server: &CachedServer,
        key: &CacheKey,
        stamp: Stamp,
        wanted: bool,
    ) -> Option<(Epoch, Option<CacheableResult>)> {
        let getting = async {
            let epoch = self.epoch(server, key.kind, stamp).await?;
            let result = match wanted {
                true => self.result(server, key, &epoch).await?,
                false => None,
            };
            Ok((epoch, result))
        };
        self.store.within(self.limit, getting).await
    }

    /// Stores a result for its audience; `None` is a result that must not be stored. If it `replaces` another, that one
    /// is removed first.
    pub(crate) async fn put(
        &self,
        server: &CachedServer,
        key: &CacheKey,
        epoch: &Epoch,
        result: Option<&CacheableResult>,
        replaces: bool,
    ) {
        let putting = async {
            let mine = self.principal.as_deref();
            let is_public = result.is_some_and(|result| result.is_public);
            for principal in self.principals() {
                // A private result would be found before the public one.
                if replaces || (is_public && principal.is_some()) {
                    self.store.remove(&self.store_key(server, key, epoch, principal)).await?;
                }
            }
            let Some(result) = result.filter(|it| it.is_public || mine.is_some()) else {
                return Ok(());
            };
            let key = self.store_key(server, key, epoch, mine.filter(|_| !is_public));
            self.store.put(&key, CacheEntry::new(result.json.to_bytes(), result.ttl)).await
        };
        self.store.within(self.limit, putting).await;
    }

    /// The scopes in which results are looked up, in order: the principal, if set, and public.
    fn principals(&self) -> impl Iterator<Item = Option<&str>> + use<'_> {
        self.principal.as_deref().map(Some).into_iter().chain([None])
    }

    async fn epoch(
        &self,
        server: &CachedServer,
        kind: Kind,
        stamp: Stamp,
    ) -> Result<Epoch, String> {
        let key = self.text(server, ["epoch", kind.method()]);
        if server.is_published(kind, stamp) {
            let known = self.store.get(&key).await?;
            let word = known.and_then(|it| String::from_utf8(it.value.to_vec()).ok());
            if let Some(word) = word.filter(|word| word.len() == Epoch::LENGTH) {
                return Ok(Epoch(word));
            }
        }
        let epoch = Epoch::new();
        self.store.put(&key, CacheEntry::new(epoch.0.clone(), EPOCH_TTL)).await?;
        server.publish(kind, stamp);
        Ok(epoch)
    }

    async fn result(
        &self,
        server: &CachedServer,
        key: &CacheKey,
        epoch: &Epoch,
    ) -> Result<Option<CacheableResult>, String> {
        for principal in self.principals() {
            let key = self.store_key(server, key, epoch, principal);
            let Some(entry) = self.store.get(&key).await? else { continue };
            // Other programs may write to the store.
            let read = RawJson::from_text(entry.value).ok();
            let read = read.and_then(|it| CacheableResult::read(&it, None));
            match read.filter(|it| it.is_public == principal.is_none() && !entry.ttl.is_zero()) {
                Some(result) => return Ok(Some(result.within(entry.ttl))),
                None => tracing::debug!("a value in the cache store is not a result"),
            }
        }
        Ok(None)
    }

    /// The key of a result for `principal`, or for all clients.
    fn store_key(
        &self,
        server: &CachedServer,
        key: &CacheKey,
        epoch: &Epoch,
        principal: Option<&str>,
    ) -> String {
        let scope = if principal.is_some() { "private" } else { "public" };
        self.text(server, (&epoch.0, scope, principal, key.parts()))
    }

    /// A key as a JSON array, so that different parts never result in the same text.
    fn text(&self, server: &CachedServer, rest: impl serde::Serialize) -> String {
        let key = &server.key;
        let all = (KEY_VERSION, &*self.server, &*key.name, &key.address, key.version, rest);
        serde_json::to_string(&all).expect("text is JSON")
    }
}

impl Epoch {
    const LENGTH: usize = 32;

    /// A random value: the hashers of the standard library have random seeds.
    fn new() -> Self {
        let random = || RandomState::new().build_hasher().finish();
        Self(format!("{:016x}{:016x}", random(), random()))
    }
}

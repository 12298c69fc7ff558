//! What clients share through a store.
//!
//! A store cannot be asked for all that it has of a server. So the key of every result holds a word that
//! the store has for its kind, the *epoch*: to forget them all is to forget that word. Whoever finds none
//! makes up another, and what was kept under the one before is never found again. An answer to a request
//! that was sent before is kept under the epoch of that time, and so it is lost too.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::Arc,
    time::Duration,
};

use mcp_core::RawJson;

use super::{
    LONGEST,
    hints::Hinted,
    memory::{Site, Stamp},
    store::{CacheEntry, SharedStore},
    subject::{Kind, Subject},
};

/// The form of the keys and the values. Other forms do not see each other.
const FORM: &str = "mcp-cache-1";

/// Longer than any result is kept.
const EPOCH: Duration = LONGEST.saturating_mul(2);

/// A store, and on whose behalf it is used.
pub(crate) struct Shared {
    store: SharedStore,
    server: Arc<str>,
    principal: Option<Arc<str>>,
    limit: Duration,
}

/// The word that results of one kind are kept under.
#[derive(Debug, Clone)]
pub(crate) struct Epoch(String);

impl Shared {
    pub(crate) fn new(
        store: SharedStore,
        server: Arc<str>,
        principal: Option<Arc<str>>,
        limit: Duration,
    ) -> Self {
        Self { store, server, principal, limit }
    }

    /// The epoch, and the result if it is `wanted` and there. Tells the store of the changes that it does
    /// not know of yet.
    pub(crate) async fn find(
        &self,
        site: &Site,
        subject: &Subject,
        stamp: Stamp,
        wanted: bool,
    ) -> Option<(Epoch, Option<Hinted>)> {
        let looking = async {
            let epoch = self.epoch(site, subject.kind, stamp).await?;
            let hinted = match wanted {
                true => self.result(site, subject, &epoch).await?,
                false => None,
            };
            Ok((epoch, hinted))
        };
        self.store.within(self.limit, looking).await
    }

    /// Keeps a result for others, as far as they may see it; `None` is one that is not to be kept. Where it
    /// `replaces` another, that one is forgotten first.
    pub(crate) async fn keep(
        &self,
        site: &Site,
        subject: &Subject,
        epoch: &Epoch,
        hinted: Option<&Hinted>,
        replaces: bool,
    ) {
        let keeping = async {
            let mine = self.principal.as_deref();
            let is_public = hinted.is_some_and(|hinted| hinted.is_public);
            for principal in self.principals() {
                // What is there for ourselves would be found before what is there for everybody.
                if replaces || (is_public && principal.is_some()) {
                    self.store.remove(&self.key(site, subject, epoch, principal)).await?;
                }
            }
            let Some(hinted) = hinted.filter(|it| it.is_public || mine.is_some()) else {
                return Ok(());
            };
            let key = self.key(site, subject, epoch, mine.filter(|_| !is_public));
            self.store.put(&key, CacheEntry::new(hinted.json.to_bytes(), hinted.ttl)).await
        };
        self.store.within(self.limit, keeping).await;
    }

    /// For whom results are looked up, in order: for ourselves, if we have a name, and for everybody.
    fn principals(&self) -> impl Iterator<Item = Option<&str>> + use<'_> {
        self.principal.as_deref().map(Some).into_iter().chain([None])
    }

    async fn epoch(&self, site: &Site, kind: Kind, stamp: Stamp) -> Result<Epoch, String> {
        let key = self.text(site, ["epoch", kind.method()]);
        if site.is_told(kind, stamp) {
            let known = self.store.get(&key).await?;
            let word = known.and_then(|it| String::from_utf8(it.value.to_vec()).ok());
            if let Some(word) = word.filter(|word| word.len() == Epoch::LENGTH) {
                return Ok(Epoch(word));
            }
        }
        let epoch = Epoch::new();
        self.store.put(&key, CacheEntry::new(epoch.0.clone(), EPOCH)).await?;
        site.told(kind, stamp);
        Ok(epoch)
    }

    async fn result(
        &self,
        site: &Site,
        subject: &Subject,
        epoch: &Epoch,
    ) -> Result<Option<Hinted>, String> {
        for principal in self.principals() {
            let key = self.key(site, subject, epoch, principal);
            let Some(entry) = self.store.get(&key).await? else { continue };
            // Others may write there, too.
            let read = RawJson::from_text(entry.value).ok().and_then(|it| Hinted::read(&it));
            match read.filter(|it| it.is_public == principal.is_none() && !entry.ttl.is_zero()) {
                Some(hinted) => {
                    return Ok(Some(hinted.within(entry.ttl)));
                }
                None => tracing::debug!("the store of the cache has something else than a result"),
            }
        }
        Ok(None)
    }

    /// What only `principal` may see, or everybody.
    fn key(
        &self,
        site: &Site,
        subject: &Subject,
        epoch: &Epoch,
        principal: Option<&str>,
    ) -> String {
        let scope = if principal.is_some() { "private" } else { "public" };
        self.text(site, (&epoch.0, scope, principal, subject.parts()))
    }

    /// An array of JSON, in which nothing can be taken for something else.
    fn text(&self, site: &Site, rest: impl serde::Serialize) -> String {
        let place = &site.place;
        let of = (FORM, &*self.server, &*place.name, &place.address, place.version, rest);
        serde_json::to_string(&of).expect("text is JSON")
    }
}

impl Epoch {
    const LENGTH: usize = 32;

    /// One that nobody else makes up: the hashers of the standard library are seeded at random.
    fn new() -> Self {
        let random = || RandomState::new().build_hasher().finish();
        Self(format!("{:016x}{:016x}", random(), random()))
    }
}

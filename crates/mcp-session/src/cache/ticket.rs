//! One call whose result may be cached.

use std::sync::Arc;

use mcp_core::{Meta, RawJson};

use super::{
    config::CacheMode,
    key::{CacheKey, Kind},
    memory::Stamp,
    result::CacheableResult,
    session::SessionCache,
    shared::Epoch,
};
use crate::{Error, ErrorKind, params::Params};

/// The state when the request was sent, which is needed to cache its result.
pub(crate) struct Ticket {
    cache: Arc<SessionCache>,
    key: CacheKey,
    mode: CacheMode,
    stamp: Stamp,
    epoch: Option<Epoch>,
    /// Whether the store may have a result to replace: it was not looked up, or is unusable.
    replaces: bool,
}

impl Ticket {
    /// `None` for a call whose result is not cached.
    pub(crate) fn new(
        cache: Option<&Arc<SessionCache>>,
        mode: CacheMode,
        method: &str,
        params: &Params,
        meta: Option<&Meta>,
    ) -> Option<Self> {
        let cache = cache.filter(|_| mode != CacheMode::Bypass)?;
        let key = CacheKey::new(Kind::of(method)?, &params.without_arguments()?, meta)?;
        let stamp = cache.server.stamp(key.kind);
        let replaces = mode == CacheMode::Refresh;
        Some(Self { cache: Arc::clone(cache), key, mode, stamp, epoch: None, replaces })
    }

    /// The cached result if it is fresh. Cancel safe.
    pub(crate) async fn get(&mut self) -> Option<RawJson> {
        let Self { cache, key, mode, stamp, .. } = self;
        let is_used = *mode == CacheMode::Use;
        let server = &*cache.server;
        let grace = cache.stale_if_error;
        let found = is_used.then(|| cache.memory.find(server, key, cache.login(), grace)).flatten();
        if let Some((result, left)) = found.filter(|(_, left)| !left.is_zero()) {
            cache.hit();
            return Some(result.with_ttl(left));
        }
        let shared = cache.shared.as_ref()?;
        let (epoch, result) = Box::pin(shared.get(server, key, *stamp, is_used)).await?;
        self.epoch = Some(epoch);
        // The results may have changed during the store lookup.
        let result = result.filter(|_| server.is_unchanged(key.kind, *stamp))?;
        let json = result.with_ttl(result.ttl);
        cache.memory.put(server, key.clone(), *stamp, result);
        cache.hit();
        Some(json)
    }

    /// The cached result cannot be decoded, so the request must be sent.
    pub(crate) fn reject(&mut self) {
        tracing::debug!(key = ?self.key, "a cached result cannot be decoded");
        self.cache.memory.remove(&self.cache.server, &self.key);
        self.replaces = true;
    }

    /// Caches the result if the server allows it.
    pub(crate) async fn put(self, result: &RawJson) {
        let Self { cache, key, stamp, epoch, replaces, .. } = self;
        let server = &*cache.server;
        let result = CacheableResult::read(result, cache.default_ttl);
        match &result {
            Some(result) => cache.memory.put(server, key.clone(), stamp, result.clone()),
            // The server has revoked its earlier hint.
            None => cache.memory.remove(server, &key),
        }
        let (Some(shared), Some(epoch)) = (&cache.shared, epoch) else { return };
        // The default of one client does not apply to others.
        let result = result.filter(CacheableResult::is_hinted);
        // Results evicted by a change are not found in this epoch any more.
        if server.is_unchanged(key.kind, stamp) && (replaces || result.is_some()) {
            Box::pin(shared.put(server, &key, &epoch, result.as_ref(), replaces)).await;
        }
    }

    /// The stale result to use, since the request failed with `error`.
    pub(crate) fn stale(&self, error: &Error) -> Option<RawJson> {
        use ErrorKind::{Connect, Interrupted, Timeout, Unavailable};
        let Self { cache, key, mode, .. } = self;
        let is_down = matches!(error.kind(), Connect | Interrupted | Timeout | Unavailable);
        if cache.stale_if_error.is_zero() || *mode != CacheMode::Use || !is_down {
            return None;
        }
        let login = cache.login();
        let (result, left) = cache.memory.find(&cache.server, key, login, cache.stale_if_error)?;
        tracing::warn!(%error, "the server is unavailable: using a stale cached result");
        cache.hit();
        Some(result.with_ttl(left))
    }

    /// Handles a failed request. A refused page cursor comes from an outdated cached list.
    ///
    /// Spec: server/utilities/caching#pagination
    pub(crate) fn failed(&self, error: &Error) {
        let is_page = self.key.kind != Kind::Reads && self.key.target.is_some();
        if is_page && error.answer().is_some() {
            self.cache.server.evict(self.key.kind);
        }
    }
}

//! One call whose result may be kept.

use std::sync::Arc;

use mcp_core::{Meta, RawJson};

use super::{
    CacheMode, SessionCache,
    hints::Hinted,
    memory::Stamp,
    shared::Epoch,
    subject::{Kind, Subject},
};
use crate::{Error, params::Params};

/// What has to be known when the server is asked, to keep its answer.
pub(crate) struct Ticket {
    cache: Arc<SessionCache>,
    subject: Subject,
    mode: CacheMode,
    stamp: Stamp,
    epoch: Option<Epoch>,
}

impl Ticket {
    /// `None` for a call whose result is not to be kept.
    pub(crate) fn new(
        cache: Option<&Arc<SessionCache>>,
        mode: CacheMode,
        method: &str,
        params: &Params,
        meta: Option<&Meta>,
    ) -> Option<Self> {
        let cache = cache.filter(|_| mode != CacheMode::Bypass)?;
        let subject = Subject::new(Kind::of(method)?, params.without_arguments()?, meta)?;
        let stamp = cache.site.stamp(subject.kind);
        Some(Self { cache: Arc::clone(cache), subject, mode, stamp, epoch: None })
    }

    /// The result, if it is there and fresh. Cancel safe.
    pub(crate) async fn find(&mut self) -> Option<RawJson> {
        let Self { cache, subject, mode, stamp, .. } = self;
        let wanted = *mode == CacheMode::Use;
        let site = &*cache.site;
        let found = wanted.then(|| cache.memory.find(site, subject)).flatten();
        if found.is_some() {
            cache.hit();
            return found;
        }
        let shared = cache.shared.as_ref()?;
        let (epoch, hinted) = Box::pin(shared.find(site, subject, *stamp, wanted)).await?;
        self.epoch = Some(epoch);
        // While the store was asked, there may have been word of a change.
        let hinted = hinted.filter(|_| site.is_still(subject.kind, *stamp))?;
        let result = hinted.with_ttl(hinted.ttl);
        cache.memory.keep(site, subject.clone(), *stamp, hinted);
        cache.hit();
        Some(result)
    }

    /// What was found cannot be read: it is the server that has to be asked.
    pub(crate) fn is_of_no_use(&mut self) {
        tracing::debug!(?self.subject, "what was kept has the wrong shape");
        self.cache.memory.remove(&self.cache.site, &self.subject);
    }

    /// Keeps the answer to the request, as far as the server lets us.
    pub(crate) async fn keep(self, result: &RawJson) {
        let Self { cache, subject, stamp, epoch, .. } = self;
        let Some(hinted) = Hinted::read(result) else {
            // The server takes back what it has said of the one before.
            return cache.memory.remove(&cache.site, &subject);
        };
        cache.memory.keep(&cache.site, subject.clone(), stamp, hinted.clone());
        if let (Some(shared), Some(epoch)) = (&cache.shared, epoch)
            && cache.site.is_still(subject.kind, stamp)
        {
            Box::pin(shared.keep(&cache.site, &subject, &epoch, &hinted)).await;
        }
    }

    /// A page that the server does not give out: the pages before are of another list than it has now.
    ///
    /// Spec: server/utilities/caching#pagination
    pub(crate) fn failed(&self, error: &Error) {
        let is_page = self.subject.kind != Kind::Reads && self.subject.of.is_some();
        if is_page && error.answer().is_some() {
            self.cache.changed(self.subject.kind);
        }
    }
}

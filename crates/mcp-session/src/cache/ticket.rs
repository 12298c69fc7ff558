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
    /// Whether the store may have a result that the answer takes the place of: nobody looked, or what is
    /// there is of no use.
    replaces: bool,
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
        let replaces = mode == CacheMode::Refresh;
        Some(Self { cache: Arc::clone(cache), subject, mode, stamp, epoch: None, replaces })
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
        self.replaces = true;
    }

    /// Keeps the answer to the request, as far as the server lets us.
    pub(crate) async fn keep(self, result: &RawJson) {
        let Self { cache, subject, stamp, epoch, replaces, .. } = self;
        let site = &*cache.site;
        let hinted = Hinted::read(result);
        match &hinted {
            Some(hinted) => cache.memory.keep(site, subject.clone(), stamp, hinted.clone()),
            // The server takes back what it has said of the one before.
            None => cache.memory.remove(site, &subject),
        }
        let (Some(shared), Some(epoch)) = (&cache.shared, epoch) else { return };
        // What was forgotten by word of a change is not found in this epoch any more.
        if site.is_still(subject.kind, stamp) && (replaces || hinted.is_some()) {
            Box::pin(shared.keep(site, &subject, &epoch, hinted.as_ref(), replaces)).await;
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

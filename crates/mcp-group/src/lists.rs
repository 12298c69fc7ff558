//! Reading of server lists.

use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, join_all, select};
use mcp_core::{CacheScope, Cacheable, Page};
use mcp_session::{CacheMode, Error, ErrorKind, Session, Timeout};

use crate::{
    catalog::Known, client::GroupClient, error::RequestError, list_kind::ListKind, member::Member,
};

/// How long one of several servers may delay a list; after that, its previous list is used.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// Options for reading a list for a client.
#[derive(Clone, Copy)]
pub(crate) struct ReadOptions<'a> {
    pub(crate) client: &'a GroupClient,
    /// Timeout for each page. Overrides the timeout of the server's session.
    pub(crate) timeout: Option<Timeout>,
    pub(crate) cache: CacheMode,
}

/// Reads a list of these servers in parallel, unless it is cached. Names are assigned in the order of the servers. For
/// a server that fails, the previous list is used.
///
/// # Errors
/// All servers failed, and none has a previous list.
pub(crate) async fn refresh<K: ListKind>(
    members: &[Arc<Member>],
    options: ReadOptions<'_>,
) -> Result<(), RequestError> {
    let is_alone = members.len() == 1;
    let fetching = members.iter().map(|member| async move {
        let list = K::of(&member.catalog);
        let failed = |error: Error| {
            tracing::warn!(%error, "cannot read a list");
            list.failed(&error);
            RequestError::call_failed(&error)
        };
        let fetching = async {
            let session = member.session(options.client).await?;
            fetch::<K>(&session, options.timeout, options.cache).await.map_err(failed)
        };
        // With a previous list, a server that is being opened causes no delay.
        let limit = match list.known().is_some() {
            true => LIST_TIMEOUT,
            false => LIST_TIMEOUT.max(member.start_timeout()),
        };
        let fetching = async {
            match is_alone {
                true => fetching.await,
                false => tokio::time::timeout(limit, fetching).await.unwrap_or_else(|_| {
                    let message = format!("no list within {limit:?}");
                    Err(failed(Error::new(ErrorKind::Timeout, Arc::clone(&member.name), message)))
                }),
            }
        };
        // A server that waits for a user login causes no delay either. It has nothing to list until then.
        match select(pin!(fetching), pin!(waits_for_user(member))).await {
            Either::Left((fetched, _)) => fetched.map(Some),
            Either::Right(_) => Ok(None),
        }
    });
    let mut failure = None;
    let mut is_known = members.is_empty();
    for (member, fetched) in members.iter().zip(join_all(fetching).await) {
        match fetched {
            Ok(Some(fetched)) => drop(store::<K>(member, fetched)),
            Ok(None) => is_known = true,
            Err(error) => drop(failure.get_or_insert(error)),
        }
        is_known |= K::of(&member.catalog).known().is_some();
    }
    match failure {
        Some(failure) if !is_known => Err(failure),
        _ => Ok(()),
    }
}

/// Waits until an unopened server waits for a user. Never completes if the group acts as that server.
async fn waits_for_user(member: &Member) {
    if member.is_ready() || member.exposure.is_plain {
        std::future::pending::<()>().await;
    }
    member.held().await;
}

/// Reads lists that have changed or may have changed.
pub(crate) async fn refresh_dirty<K: ListKind>(
    members: &[Arc<Member>],
    options: ReadOptions<'_>,
) -> Result<(), RequestError> {
    let is_dirty = |member: &&Arc<Member>| {
        !K::of(&member.catalog).is_fresh() || member.dirty.has_changed(K::CHANGE)
    };
    let dirty: Vec<_> = members.iter().filter(is_dirty).cloned().collect();
    match dirty.is_empty() {
        true => Ok(()),
        false => refresh::<K>(&dirty, ReadOptions { cache: CacheMode::Refresh, ..options }).await,
    }
}

/// Reads a known list again. Returns whether it differs; for an unknown list, whether it is available.
pub(crate) async fn reread<K: ListKind>(member: &Member, session: &Session) -> bool {
    let list = K::of(&member.catalog);
    if list.known().is_none() {
        return K::is_offered(session.capabilities());
    }
    list.expire();
    match fetch::<K>(session, None, CacheMode::Refresh).await {
        Ok(fetched) => store::<K>(member, fetched),
        Err(error) => {
            tracing::warn!(%error, "cannot read a list");
            list.failed(&error);
            false
        }
    }
}

/// The merged list of these servers in their order, with the shortest `ttlMs`.
pub(crate) fn merged<K: ListKind>(members: &[Arc<Member>]) -> (Vec<K::Item>, Duration, CacheScope) {
    let known: Vec<_> =
        members.iter().filter_map(|member| K::of(&member.catalog).known()).collect();
    // A server without a known list may return one at any time.
    let is_whole = known.len() == members.len();
    let ttl = known.iter().map(|known| known.ttl).min().filter(|_| is_whole);
    let ttl = ttl.filter(|ttl| *ttl < Duration::MAX).unwrap_or_default();
    let is_shareable = is_whole && !known.is_empty() && known.iter().all(|it| it.is_shareable);
    let scope = if is_shareable { CacheScope::Public } else { CacheScope::Private };
    let items = known.iter().flat_map(|known| known.items.iter().cloned()).collect();
    (items, ttl, scope)
}

/// All pages of a list.
struct Fetched<T> {
    items: Vec<T>,
    ttl: Duration,
    is_shareable: bool,
}

async fn fetch<K: ListKind>(
    session: &Session,
    timeout: Option<Timeout>,
    cache: CacheMode,
) -> Result<Fetched<K::Item>, Error> {
    let mut fetched = Fetched { items: Vec::new(), ttl: Duration::MAX, is_shareable: true };
    if !K::is_offered(session.capabilities()) {
        return Ok(fetched);
    }
    let list = K::request(session).cache(cache);
    let list = match timeout {
        Some(timeout) => list.timeout(timeout),
        None => list,
    };
    let mut pages = list.pages();
    while let Some(page) = pages.next().await {
        let page = page?;
        fetched.ttl = fetched.ttl.min(page.ttl());
        fetched.is_shareable &= page.is_shareable();
        fetched.items.extend(page.into_items());
    }
    Ok(fetched)
}

/// Stores a list. Returns whether it differs from the previous one.
fn store<K: ListKind>(member: &Member, fetched: Fetched<K::Item>) -> bool {
    let Fetched { items, ttl, is_shareable } = fetched;
    let mut known = Known { items: Vec::new(), originals: BTreeSet::new(), ttl, is_shareable };
    for item in items {
        let original = K::key(&item).to_owned();
        if known.originals.contains(&original) {
            continue;
        }
        if let Some(item) = K::expose(&member.exposure, item) {
            known.originals.insert(original);
            known.items.push(item);
        }
    }
    K::of(&member.catalog).set(known)
}

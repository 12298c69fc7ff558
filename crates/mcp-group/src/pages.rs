use mcp_core::Cacheable;
use mcp_session::CacheMode;

use crate::{
    asked::Asked,
    failure::invalid_params,
    lists::{Kind, merged, refresh, refresh_doubtful},
    relay::Answer,
};

/// Elements of one page.
const PAGE: usize = 1000;

/// What cursors begin with. The rest is the last element of the page before: a list may change between
/// two pages.
const AFTER: &str = "after:";

/// One page of the list of all servers.
///
/// The first reads every list anew that no server lets us keep, the others go on in what was read.
///
/// Spec: server/utilities/pagination
pub(crate) async fn page<K: Kind>(asked: &Asked) -> Answer {
    let members = asked.shared.members();
    let cursor = match asked.params.get("cursor").map(|cursor| cursor.get()) {
        None | Some("null") => None,
        Some(cursor) => match serde_json::from_str::<String>(cursor) {
            Ok(cursor) => Some(cursor),
            Err(_) => return Err(invalid_params("`cursor` is not a string")),
        },
    };
    match &cursor {
        None => refresh::<K>(&members, asked.timeout, CacheMode::Use).await?,
        // After a restart of this program, say.
        Some(_) => refresh_doubtful::<K>(&members, asked.timeout).await?,
    }
    let (mut items, ttl, scope) = merged::<K>(&members);
    if let Some(cursor) = cursor {
        let last = cursor.strip_prefix(AFTER);
        let at = last.and_then(|last| items.iter().position(|item| K::key(item) == last));
        let Some(at) = at else { return Err(invalid_params("unknown cursor")) };
        items.drain(..=at);
    }
    let next = (items.len() > PAGE).then(|| {
        items.truncate(PAGE);
        format!("{AFTER}{}", K::key(&items[PAGE - 1]))
    });
    let mut page = K::page(items, next);
    if asked.is_modern() {
        page.set_cache(ttl, scope);
    }
    asked.result(page)
}

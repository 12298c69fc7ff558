use mcp_core::{Cacheable, RawJson};

use crate::{
    error::{RequestError, invalid_params},
    list_kind::ListKind,
    lists::{merged, refresh, refresh_dirty},
    request::IncomingRequest,
};

/// Items per page.
const PAGE_SIZE: usize = 1000;

/// Prefix of cursors. The rest is the last item of the previous page, so that a cursor stays valid when the list
/// changes.
const AFTER: &str = "after:";

/// One page of the merged list.
///
/// The first page reads every list that is not cached; later pages continue that list.
///
/// Spec: server/utilities/pagination
pub(crate) async fn page<K: ListKind>(request: &IncomingRequest) -> Result<RawJson, RequestError> {
    let members = request.group.members();
    let cursor = match request.params.get("cursor") {
        None | Some(b"null") => None,
        Some(cursor) => match serde_json::from_slice::<String>(cursor) {
            Ok(cursor) => Some(cursor),
            Err(_) => return Err(invalid_params("`cursor` is not a string")),
        },
    };
    match &cursor {
        None => refresh::<K>(&members, request.read_options()).await?,
        // For example after a restart of this program.
        Some(_) => refresh_dirty::<K>(&members, request.read_options()).await?,
    }
    let (mut items, ttl, scope) = merged::<K>(&members);
    if let Some(cursor) = cursor {
        let last = cursor.strip_prefix(AFTER);
        let at = last.and_then(|last| items.iter().position(|item| K::key(item) == last));
        let Some(at) = at else { return Err(invalid_params("unknown cursor")) };
        items.drain(..=at);
    }
    let next = (items.len() > PAGE_SIZE).then(|| {
        items.truncate(PAGE_SIZE);
        format!("{AFTER}{}", K::key(&items[PAGE_SIZE - 1]))
    });
    let mut page = K::page(items, next);
    if request.is_modern() {
        page.set_cache(ttl, scope);
    }
    request.result(page)
}

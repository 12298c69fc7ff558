//! Maintenance of an open session with a server.

use std::{sync::Arc, time::Duration};

use futures_util::future::join3;
use mcp_core::{ServerCapabilities, SubscriptionFilter};
use mcp_session::{Event, Session, Subscribe};

use crate::{
    list_change::ListChange,
    list_kind::{Prompts, Resources, Templates, Tools},
    lists::reread,
    member::Member,
    subscribe::{retries, subscribe},
};

/// Minimum interval between reads of a server that reports list changes.
const REREAD_PAUSE: Duration = Duration::from_millis(100);

/// Keeps the state of a server up to date. Runs until it is dropped.
///
/// A server that was connected before may have changed, and the items of one that was expected are new to clients.
pub(crate) async fn keep_up(member: &Arc<Member>, session: &Session, was_there: bool) {
    join3(
        member.restore_log_level(session),
        keep_lists(member, session, was_there),
        watch_lists(member, session, was_there),
    )
    .await;
}

/// Reads changed lists and notifies clients.
async fn keep_lists(member: &Member, session: &Session, was_there: bool) {
    if was_there {
        for change in ListChange::ALL {
            update(member, session, change, false).await;
        }
    } else {
        member.catalog.expire();
    }
    loop {
        for (change, has_changed) in member.dirty.take().await {
            update(member, session, change, has_changed).await;
        }
        // Changes reported in the meantime are read together.
        tokio::time::sleep(REREAD_PAUSE).await;
    }
}

/// Reads a list and notifies clients of a reported or detected change.
async fn update(member: &Member, session: &Session, change: ListChange, has_changed: bool) {
    let differs = match change {
        ListChange::Tools => reread::<Tools>(member, session).await,
        ListChange::Prompts => reread::<Prompts>(member, session).await,
        ListChange::Resources => {
            let resources = reread::<Resources>(member, session).await;
            reread::<Templates>(member, session).await || resources
        }
    };
    if differs || has_changed {
        member.clients.list_changed(change);
    }
}

/// Subscribes to the changes of all lists. The session passes their notifications to the member.
///
/// Spec: basic/patterns/subscriptions
async fn watch_lists(member: &Member, session: &Session, was_there: bool) {
    let filter = list_filter(session.capabilities());
    if filter == SubscriptionFilter::default() {
        return;
    }
    let mut retries = retries();
    let mut may_have_missed = was_there;
    loop {
        let error = match subscribe(session, filter.clone()).await {
            Ok(mut subscription) => {
                if std::mem::take(&mut may_have_missed) {
                    missed(member);
                }
                loop {
                    match subscription.next().await {
                        Some(Ok(Event::Resync | Event::Lagged { .. })) => missed(member),
                        Some(Ok(_)) => retries.progressed(),
                        Some(Err(error)) => break Some(error),
                        None => break None,
                    }
                }
            }
            Err(error) => Some(error),
        };
        tracing::debug!(server = %member.name, ?error, "cannot subscribe to the lists of the server");
        may_have_missed = true;
        if error.as_ref().is_some_and(Subscribe::is_final) {
            return;
        }
        let Some(delay) = retries.next_delay(None) else { return };
        tokio::time::sleep(delay).await;
    }
}

/// Handles possibly missed change notifications.
fn missed(member: &Member) {
    member.catalog.expire();
    member.dirty.all_may_have_changed();
}

/// The list changes that a server reports.
fn list_filter(capabilities: &ServerCapabilities) -> SubscriptionFilter {
    let ServerCapabilities { tools, prompts, resources, .. } = capabilities;
    let reported = |changes: Option<bool>| changes.filter(|reported| *reported);
    let mut filter = SubscriptionFilter::default();
    filter.tools_list_changed = reported(tools.as_ref().and_then(|it| it.list_changed));
    filter.prompts_list_changed = reported(prompts.as_ref().and_then(|it| it.list_changed));
    filter.resources_list_changed = reported(resources.as_ref().and_then(|it| it.list_changed));
    filter
}

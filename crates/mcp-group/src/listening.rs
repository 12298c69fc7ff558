//! Keeps a server told of what the clients of the group want to hear.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use mcp_core::{ServerCapabilities, SubscriptionFilter};
use mcp_session::{Event, Relisten, Session, Subscription};

use crate::{Backoff, member::Member};

/// How long a server may take to acknowledge that somebody listens.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(10);

/// Runs until it is dropped: one subscription for all that clients want, and for every list that may
/// change. There is no way to change one: a new one is opened, and then the old one dropped.
///
/// What the server tells comes to the member by itself; see [`Member::heard`].
///
/// Spec: basic/patterns/subscriptions
pub(crate) async fn keep(member: &Arc<Member>, session: &Session) {
    let subscriptions = &member.subscriptions;
    let backoff = Backoff::default();
    let mut wait = backoff.initial;
    let mut old: Option<Subscription> = None;
    loop {
        let (version, wanted) = subscriptions.wanted();
        let filter = filter(session.capabilities(), wanted);
        if filter == SubscriptionFilter::default() {
            drop(old.take());
            subscriptions.applied(version, BTreeSet::new());
            subscriptions.changed_since(version).await;
            continue;
        }
        let opening =
            session.subscribe(filter).timeout(ACKNOWLEDGEMENT).relisten(Relisten::default());
        let end = match opening.await {
            Ok(mut new) => {
                wait = backoff.initial;
                drop(old.take());
                let end = hear(member, version, &mut new).await;
                // It goes on until the next one is open.
                old = Some(new);
                end
            }
            Err(error) => Some(error),
        };
        let Some(error) = end else { continue };
        tracing::debug!(server = %member.name, %error, "nobody can listen to the server");
        drop(old.take());
        subscriptions.applied(version, BTreeSet::new());
        if error.answer().is_some() {
            subscriptions.changed_since(version).await;
        } else {
            tokio::time::sleep(wait).await;
            wait = backoff.after(wait);
            // Whatever changed meanwhile was not told.
            member.lists.doubt();
        }
    }
}

/// Follows a subscription until something else is wanted, or until it ends with an error.
async fn hear(
    member: &Member,
    version: u64,
    subscription: &mut Subscription,
) -> Option<mcp_session::Error> {
    let subscriptions = &member.subscriptions;
    let apply = |subscription: &Subscription| {
        for (uri, error) in subscription.refused() {
            subscriptions.refuse(&uri, error);
        }
        let honoured = subscription.acknowledged().resource_subscriptions;
        subscriptions.applied(version, honoured.unwrap_or_default().into_iter().collect());
    };
    apply(subscription);
    loop {
        let changed = Box::pin(subscriptions.changed_since(version));
        match select(Box::pin(subscription.next()), changed).await {
            Either::Right(_) | Either::Left((None, _)) => return None,
            Either::Left((Some(Err(error)), _)) => return Some(error),
            Either::Left((Some(Ok(Event::Resync | Event::Lagged { .. })), _)) => {
                member.lists.doubt();
            }
            Either::Left((Some(Ok(_)), _)) => continue,
        }
        apply(subscription);
    }
}

pub(crate) fn can_subscribe(capabilities: &ServerCapabilities) -> bool {
    capabilities.resources.as_ref().is_some_and(|resources| resources.subscribe == Some(true))
}

/// What of all there is to hear the server tells.
fn filter(capabilities: &ServerCapabilities, wanted: BTreeSet<String>) -> SubscriptionFilter {
    let ServerCapabilities { tools, prompts, resources, .. } = capabilities;
    let says = |changes: Option<bool>| changes.filter(|says| *says);
    let mut filter = SubscriptionFilter::default();
    filter.tools_list_changed = says(tools.as_ref().and_then(|it| it.list_changed));
    filter.prompts_list_changed = says(prompts.as_ref().and_then(|it| it.list_changed));
    filter.resources_list_changed = says(resources.as_ref().and_then(|it| it.list_changed));
    if can_subscribe(capabilities) && !wanted.is_empty() {
        filter.resource_subscriptions = Some(wanted.into_iter().collect());
    }
    filter
}

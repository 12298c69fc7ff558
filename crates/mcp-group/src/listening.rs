//! Keeps a server told of what the clients of the group want to hear.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use mcp_core::{ServerCapabilities, SubscriptionFilter, error_code};
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
pub(crate) async fn keep(member: &Arc<Member>, session: &Session, is_again: bool) {
    let subscriptions = &member.subscriptions;
    let backoff = Backoff::default();
    let mut wait = backoff.initial;
    let mut old: Option<Subscription> = None;
    // Whether something may have happened that nobody heard of.
    let mut was_deaf = is_again;
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
                let was_deaf = std::mem::take(&mut was_deaf);
                let end = hear(member, version, &mut new, was_deaf).await;
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
        was_deaf = true;
        let changed = Box::pin(subscriptions.changed_since(version));
        match error.answer().map(|answer| answer.code) {
            // It knows nothing of the kind.
            Some(error_code::METHOD_NOT_FOUND | error_code::INVALID_PARAMS) => changed.await,
            _ => {
                select(changed, Box::pin(tokio::time::sleep(wait))).await;
                wait = backoff.after(wait);
            }
        }
    }
}

/// Follows a subscription until something else is wanted, or until it ends with an error.
async fn hear(
    member: &Member,
    version: u64,
    subscription: &mut Subscription,
    was_deaf: bool,
) -> Option<mcp_session::Error> {
    let subscriptions = &member.subscriptions;
    let apply = |subscription: &Subscription| {
        for (uri, error) in subscription.refused() {
            subscriptions.refuse(&uri, error);
        }
        let honoured = subscription.acknowledged().resource_subscriptions;
        let honoured: BTreeSet<_> = honoured.unwrap_or_default().into_iter().collect();
        subscriptions.applied(version, honoured.clone());
        honoured
    };
    let honoured = apply(subscription);
    if was_deaf {
        member.missed(&honoured);
    }
    loop {
        let changed = Box::pin(subscriptions.changed_since(version));
        let event = match select(Box::pin(subscription.next()), changed).await {
            Either::Left((event, _)) => event?,
            Either::Right(_) => return None,
        };
        match event {
            Ok(Event::Resync | Event::Lagged { .. }) => member.missed(&apply(subscription)),
            Ok(_) => {}
            Err(error) => return Some(error),
        }
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

//! Keeps a server told of what the clients of the group want to hear.

use std::{collections::BTreeSet, pin::Pin, sync::Arc, task::Poll, time::Duration};

use futures_util::future::{Either, select};
use mcp_core::{
    Era, RawJson, ResourceRequestParams, ServerCapabilities, SubscriptionFilter,
    SubscriptionsListenRequestParams, method,
};
use mcp_session::{Error, Session, Timeout};
use tokio::time::Instant;

use crate::{Backoff, member::Member};

/// How long a server may take to acknowledge that somebody listens, before it counts as done.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(10);

type Listen = Pin<Box<dyn Future<Output = Result<RawJson, Error>> + Send>>;

/// Runs until it is dropped.
pub(crate) async fn keep(member: &Arc<Member>, session: &Session) {
    match session.era() {
        Era::Modern => listen(member, session).await,
        Era::Legacy => subscribe(member, session).await,
    }
}

/// One `subscriptions/listen` for all that clients want, and for every list that may change. There is no
/// way to change one: a new one is opened, and then the old one dropped.
///
/// Spec: basic/patterns/subscriptions
async fn listen(member: &Arc<Member>, session: &Session) {
    let subscriptions = &member.subscriptions;
    let backoff = Backoff::default();
    let mut wait = backoff.initial;
    let mut old: Option<Listen> = None;
    loop {
        let (version, wanted) = subscriptions.wanted();
        let filter = filter(session.capabilities(), wanted);
        if filter == SubscriptionFilter::default() {
            old = None;
            subscriptions.applied(version, BTreeSet::new());
            subscriptions.changed_since(version).await;
            continue;
        }
        let mut acknowledged = subscriptions.acknowledgements();
        let params = SubscriptionsListenRequestParams::new(filter);
        let request = session.request(method::SUBSCRIPTIONS_LISTEN, &params).timeout(Timeout::NONE);
        let mut new: Listen = Box::pin(request.into_future());
        let acknowledged = Box::pin(tokio::time::timeout(ACKNOWLEDGEMENT, acknowledged.changed()));
        let since = Instant::now();
        let began = beside(&mut old, select(&mut new, acknowledged)).await;
        let ended = match began {
            Either::Left((ended, _)) => Some(ended),
            Either::Right(_) => {
                old = None;
                subscriptions.applied(version, subscriptions.honoured());
                match select(&mut new, Box::pin(subscriptions.changed_since(version))).await {
                    Either::Left((ended, _)) => Some(ended),
                    Either::Right(_) => None,
                }
            }
        };
        match ended {
            None => old = Some(new),
            Some(Err(error)) if error.answer().is_some() => {
                tracing::debug!(%error, "the server lets nobody listen");
                subscriptions.applied(version, BTreeSet::new());
                beside(&mut old, subscriptions.changed_since(version)).await;
            }
            Some(ended) => {
                tracing::debug!(server = %member.name, ?ended, "the server ended the listening");
                subscriptions.applied(version, BTreeSet::new());
                if since.elapsed() >= backoff.max {
                    wait = backoff.initial;
                }
                beside(&mut old, tokio::time::sleep(wait)).await;
                wait = backoff.after(wait);
                // Whatever changed meanwhile was not told.
                member.lists.doubt();
            }
        }
    }
}

/// `resources/subscribe` for each resource that a client wants to hear of.
///
/// Spec: 2025-11-25 server/resources#subscriptions
async fn subscribe(member: &Arc<Member>, session: &Session) {
    let subscriptions = &member.subscriptions;
    let can = can_subscribe(session.capabilities());
    let mut subscribed = BTreeSet::new();
    loop {
        let (version, wanted) = subscriptions.wanted();
        let wanted = if can { wanted } else { BTreeSet::new() };
        for uri in subscribed.difference(&wanted) {
            let params = ResourceRequestParams::new(uri.clone());
            if let Err(error) = session.request(method::RESOURCES_UNSUBSCRIBE, &params).await {
                tracing::debug!(%error, uri, "a subscription cannot be taken back");
            }
        }
        subscribed.retain(|uri| wanted.contains(uri));
        for uri in wanted {
            if subscribed.contains(&uri) {
                continue;
            }
            let params = ResourceRequestParams::new(uri.clone());
            match session.request(method::RESOURCES_SUBSCRIBE, &params).await {
                Ok(_) => drop(subscribed.insert(uri)),
                Err(error) => {
                    tracing::debug!(%error, uri, "the server takes no subscription");
                    subscriptions.refuse(&uri, error);
                }
            }
        }
        subscriptions.applied(version, subscribed.clone());
        subscriptions.changed_since(version).await;
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

/// Waits for `future` while what `listen` brings is heard, too.
async fn beside<T>(listen: &mut Option<Listen>, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        if let Some(open) = listen
            && open.as_mut().poll(cx).is_ready()
        {
            *listen = None;
        }
        match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(value),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

//! Subscriptions of the legacy era: one for each resource, and lists that the server tells of by itself.
//!
//! Spec: 2025-11-25 server/resources#subscriptions

use std::{
    collections::BTreeSet,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use mcp_core::{ServerCapabilities, SubscriptionFilter};
use tokio::sync::oneshot;

use super::{Event, Feed, Subscribe, hub};
use crate::{ErrorKind, Session};

/// Opens a subscription, tells `told`, and feeds it until it is over. What it took from the server it
/// gives back, whenever it `is_dropped`.
pub(super) async fn keep(
    subscribe: Subscribe,
    feed: Arc<Feed>,
    told: oneshot::Sender<()>,
    mut is_dropped: oneshot::Receiver<()>,
) {
    let Subscribe { session, timeout, relisten, .. } = subscribe;
    let hub = session.hub();
    let mut losses = hub.losses();
    hub.add(&feed);
    let mut acknowledged = offered(&feed.filter, session.capabilities());
    let uris = acknowledged.resource_subscriptions.take().unwrap_or_default();
    let hub::Told { honoured: mut held, refused } =
        hub.want(&session, uris.into_iter().collect(), timeout).await;
    feed.refuse(refused);
    feed.acknowledge(with(&acknowledged, &held));
    // Nobody may wait for it any more.
    let _ = told.send(());

    let mut attempts = 0;
    let mut last = None;
    while let Some(next) = happening(&mut is_dropped, &session, losses.changed()).await {
        if next == Happening::Closed {
            feed.backlog.end(Err(session.error(ErrorKind::Closed, "the connection is over")));
            break;
        }
        let error = losses.borrow_and_update().1.clone();
        let mut failure = error.map(|error| session.below(error));
        let Some(relisten) = relisten else {
            failure.into_iter().for_each(|error| feed.backlog.end(Err(error)));
            break;
        };
        if last.is_some_and(|last: tokio::time::Instant| last.elapsed() >= relisten.max_wait) {
            attempts = 0;
        }
        let reminding = async {
            loop {
                if let Some(error) = failure.take_if(|error| relisten.gives_up(attempts, error)) {
                    return Err(error);
                }
                tokio::time::sleep(relisten.wait(attempts)).await;
                attempts = attempts.saturating_add(1);
                match hub::remind(&session, &held, timeout).await {
                    Ok(told) => return Ok(told.refused),
                    Err(error) => failure = Some(error),
                }
            }
        };
        match unless(&mut is_dropped, reminding).await {
            None => break,
            Some(Ok(refused)) => {
                let lost = refused.iter().map(|(uri, _)| uri.clone()).collect();
                hub.leave(&session, &lost, timeout).await;
                held.retain(|uri| !lost.contains(uri));
                feed.refuse(refused);
                feed.acknowledge(with(&acknowledged, &held));
                feed.backlog.push(Event::Resync);
                last = Some(tokio::time::Instant::now());
            }
            Some(Err(error)) => {
                feed.backlog.end(Err(error));
                break;
            }
        }
    }
    hub.remove(&feed);
    hub.leave(&session, &held, timeout).await;
}

#[derive(PartialEq, Eq)]
enum Happening {
    Closed,
    Loss,
}

/// What happens next; `None` when nobody reads any more.
async fn happening<T>(
    is_dropped: &mut oneshot::Receiver<()>,
    session: &Session,
    loss: impl Future<Output = T>,
) -> Option<Happening> {
    let (mut closed, mut loss) = (pin!(session.closed()), pin!(loss));
    let next = poll_fn(|cx| {
        if closed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Happening::Closed);
        }
        loss.as_mut().poll(cx).map(|_| Happening::Loss)
    });
    unless(is_dropped, next).await
}

/// What `future` gives, unless nobody reads any more before.
async fn unless<T>(
    is_dropped: &mut oneshot::Receiver<()>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if Pin::new(&mut *is_dropped).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// The part of a filter that a server with these capabilities tells of.
fn offered(filter: &SubscriptionFilter, capabilities: &ServerCapabilities) -> SubscriptionFilter {
    let ServerCapabilities { tools, prompts, resources, .. } = capabilities;
    let both = |asked: Option<bool>, says: Option<bool>| asked.filter(|_| says == Some(true));
    let mut offered = SubscriptionFilter::default();
    offered.tools_list_changed =
        both(filter.tools_list_changed, tools.as_ref().and_then(|it| it.list_changed));
    offered.prompts_list_changed =
        both(filter.prompts_list_changed, prompts.as_ref().and_then(|it| it.list_changed));
    offered.resources_list_changed =
        both(filter.resources_list_changed, resources.as_ref().and_then(|it| it.list_changed));
    if resources.as_ref().is_some_and(|resources| resources.subscribe == Some(true)) {
        offered.resource_subscriptions = filter.resource_subscriptions.clone();
    }
    offered
}

fn with(filter: &SubscriptionFilter, uris: &BTreeSet<String>) -> SubscriptionFilter {
    let mut filter = filter.clone();
    filter.resource_subscriptions = (!uris.is_empty()).then(|| uris.iter().cloned().collect());
    filter
}

//! Subscriptions of the legacy era: one for each resource, and lists that the server tells of by itself.
//!
//! Spec: 2025-11-25 server/resources#subscriptions

use std::{
    collections::BTreeSet,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use mcp_core::{ServerCapabilities, SubscriptionFilter};
use mcp_transport::Gap;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{Event, Feed, Subscribe, hub};
use crate::Error;

/// Opens a subscription, tells `told`, and feeds it until it is over. What it took from the server it
/// gives back, whenever it `is_dropped`.
pub(super) async fn keep(
    subscribe: Subscribe,
    feed: Arc<Feed>,
    told: oneshot::Sender<Result<(), Error>>,
    mut is_dropped: oneshot::Receiver<()>,
) {
    let Subscribe { session, timeout, relisten, .. } = subscribe;
    let hub = session.hub();
    let mut losses = hub.losses();
    hub.add(&feed);
    let mut acknowledged = offered(&feed.filter, session.capabilities());
    let uris = acknowledged.resource_subscriptions.take().unwrap_or_default();
    let mut held = match hub.want(&session, uris.into_iter().collect(), timeout).await {
        Ok(hub::Told { honoured, refused, .. }) => {
            feed.refuse(refused);
            honoured
        }
        Err((error, taken)) => {
            hub.remove(&feed);
            // Nobody may wait for it any more.
            let _ = told.send(Err(error));
            return hub.take_back(&session, taken, timeout).await;
        }
    };
    feed.acknowledge(with(&acknowledged, &held));
    let _ = told.send(Ok(()));

    let mut waits = 0;
    let mut last = (Instant::now(), Duration::ZERO);
    loop {
        // What tells of losses cannot be dropped meanwhile: the session has it.
        let gap = match unless(&mut is_dropped, session.until_closed(losses.changed())).await {
            None => break,
            Some(Err(error)) => {
                feed.backlog.end(Err(error));
                break;
            }
            Some(Ok(_)) => losses.borrow_and_update().1.clone(),
        };
        let mut failure = gap.map(|gap| session.below(error_of(gap)));
        let Some(relisten) = relisten else {
            failure.into_iter().for_each(|error| feed.backlog.end(Err(error)));
            break;
        };
        if last.0.elapsed() > last.1 {
            waits = 0;
        }
        let mut failures = 0;
        let reminding = async {
            loop {
                if let Some(error) = failure.take_if(|error| relisten.gives_up(failures, error)) {
                    return Err(error);
                }
                last.1 = relisten.wait(waits);
                sleep(last.1).await;
                waits = waits.saturating_add(1);
                match hub::remind(&session, &held, timeout).await {
                    Ok(told) => return Ok(told.refused),
                    Err(error) => {
                        failures += 1;
                        failure = Some(error);
                    }
                }
            }
        };
        let reminded = unless(&mut is_dropped, session.until_closed(reminding)).await;
        match reminded.map(|reminded| reminded.and_then(|told| told)) {
            None => break,
            Some(Ok(refused)) => {
                let lost = refused.iter().map(|(uri, _)| uri.clone()).collect();
                hub.leave(&session, &lost, timeout).await;
                held.retain(|uri| !lost.contains(uri));
                feed.refuse(refused);
                feed.acknowledge(with(&acknowledged, &held));
                feed.backlog.push(Event::Resync);
                last.0 = Instant::now();
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

/// What the end of a subscription by a gap is called.
fn error_of(gap: Gap) -> mcp_transport::Error {
    let kind = match &gap {
        Gap::Lagged(_) => mcp_transport::ErrorKind::Lagged,
        Gap::NewSession(_) => mcp_transport::ErrorKind::SessionExpired,
        _ => mcp_transport::ErrorKind::Interrupted,
    };
    let error = mcp_transport::Error::new(kind, gap.to_string());
    match gap.cause() {
        Some(cause) => error.with_source(cause.clone()),
        None => error,
    }
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

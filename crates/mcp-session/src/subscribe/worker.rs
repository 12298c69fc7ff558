//! Sends the subscription requests of a session to a legacy server: one task for all subscriptions.
//!
//! Spec: 2025-11-25 server/resources#subscriptions

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
};

use mcp_core::{ResourceRequestParams, method};
use tokio::time::{Instant, sleep_until};

use super::state::{LEAVE_TIMEOUT, Order, OrderKind, Step};
use crate::{Error, ErrorKind, Session, join::Join};

/// Runs while the session has subscriptions, and then for at most [`LEAVE_TIMEOUT`].
pub(super) fn run(session: Session) -> impl Future<Output = ()> + Send {
    // Created before the task starts, since it may never start.
    let mut end = EndOnDrop(Some(session.clone()));
    async move {
        work(&session).await;
        // There may be another worker by now.
        end.disarm();
    }
}

async fn work(session: &Session) {
    let registry = &session.inner().notifications.registry;
    let mut closed = pin!(session.closed());
    let mut in_flight = Join::default();
    // The deadline for responses after all subscriptions have ended.
    let mut leave_by = None;
    while let Some(Step { orders, wake_at, has_members }) = registry.step(in_flight.len()) {
        orders.into_iter().for_each(|order| in_flight.push(send(session.clone(), order)));
        if has_members {
            leave_by = None;
        } else {
            leave_by.get_or_insert_with(|| Instant::now() + LEAVE_TIMEOUT);
        }
        let wake_at = wake_at.into_iter().chain(leave_by).min();
        let mut timer = pin!(async {
            match wake_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        });
        let mut changed = pin!(registry.changed());
        let wake = poll_fn(|cx| {
            if let Poll::Ready(reason) = closed.as_mut().poll(cx) {
                return Poll::Ready(Wake::Closed(reason));
            }
            if let Poll::Ready(Some((_, (order, outcome)))) = in_flight.poll_next(cx) {
                return Poll::Ready(Wake::Done(order, outcome));
            }
            let changed = changed.as_mut().poll(cx);
            if changed.is_ready() || timer.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Wake::Changed);
            }
            Poll::Pending
        })
        .await;
        match wake {
            Wake::Closed(reason) => return registry.end(&reason),
            Wake::Done(order, outcome) => registry.done(order, outcome),
            Wake::Changed => {}
        }
        let is_late = leave_by.is_some_and(|by| by <= Instant::now());
        if is_late && registry.abandon() {
            return;
        }
    }
}

enum Wake {
    Done(Order, Result<(), Error>),
    Changed,
    Closed(Error),
}

type Sending = Pin<Box<dyn Future<Output = (Order, Result<(), Error>)> + Send>>;

fn send(session: Session, order: Order) -> Sending {
    Box::pin(async move {
        let outcome = match &order.kind {
            OrderKind::Ping => session.ping().timeout(order.timeout).await.map(drop),
            OrderKind::Subscribe(uri) | OrderKind::Unsubscribe(uri) => {
                let method = match &order.kind {
                    OrderKind::Subscribe(_) => method::RESOURCES_SUBSCRIBE,
                    _ => method::RESOURCES_UNSUBSCRIBE,
                };
                let call = session.request(method, &ResourceRequestParams::new(uri));
                let outcome = call.timeout(order.timeout).await.map(drop);
                outcome.inspect_err(|error| tracing::debug!(%error, uri, method, "it failed"))
            }
        };
        (order, outcome)
    })
}

/// Whenever the worker ends, with its runtime or by a panic, no subscription must appear to be open.
struct EndOnDrop(Option<Session>);

impl EndOnDrop {
    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let Some(session) = &self.0 else { return };
        let error = session.error(ErrorKind::Closed, "the task of its subscriptions has ended");
        session.inner().notifications.registry.end(&error);
    }
}

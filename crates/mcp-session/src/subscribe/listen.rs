//! Subscriptions of the modern era: a long-lived request.

use std::{sync::Arc, time::Duration};

use mcp_core::{
    Message, Notification, Request, RequestId, SubscriptionFilter,
    SubscriptionsAcknowledgedNotificationParams, SubscriptionsListenRequestParams, decode_params,
    error_code, method,
};
use mcp_transport::{Backoff, Delivery, Exchange};
use tokio::time::{sleep, timeout};

use super::{
    event::{Event, subscription_of},
    feed::Feed,
    retry::Resubscribe,
};
use crate::{Error, ErrorKind, Session, cache::ListenGuard, pace::Pace, params::Params};

const METHOD: &str = method::SUBSCRIPTIONS_LISTEN;

/// An acknowledged subscription.
pub(super) struct Open {
    id: RequestId,
    exchange: Exchange,
    pace: Pace,
    _listening: Option<ListenGuard>,
}

/// An item received for a subscription.
enum ListenItem {
    Acknowledged(SubscriptionFilter),
    Notification,
    End(Result<(), Error>),
}

/// Opens a subscription.
pub(super) async fn open(session: &Session, feed: &Feed, limit: Duration) -> Result<Open, Error> {
    open_within(session, feed, limit, false).await
}

async fn open_within(
    session: &Session,
    feed: &Feed,
    limit: Duration,
    is_background: bool,
) -> Result<Open, Error> {
    let opened = timeout(limit, begin(session, feed, is_background)).await.unwrap_or_else(|_| {
        let text = format!("the server did not acknowledge it within {limit:?}");
        Err(session.error(ErrorKind::Timeout, text))
    });
    opened.map_err(|error| unsupported(error).with_method(METHOD))
}

/// The error of a server without the method, that is without subscriptions.
fn unsupported(error: Error) -> Error {
    match error.answer().map(|answer| answer.code) {
        Some(error_code::METHOD_NOT_FOUND) => {
            let error = error
                .into_kind(ErrorKind::Unsupported, "the server does not support subscriptions");
            error.with_hint("set `.poll_interval(…)` on the subscription to poll instead")
        }
        _ => error,
    }
}

async fn begin(session: &Session, feed: &Feed, is_background: bool) -> Result<Open, Error> {
    let inner = session.inner();
    let filter = session.extensions.filter(feed.filter.clone());
    let params = Params::new(&SubscriptionsListenRequestParams::new(filter));
    let meta = inner.log_level.added_to(None, None);
    let trace = inner.tracing.context(|| None);
    let params = params
        .and_then(|params| params.encode(&inner.meta, None, meta.as_deref(), trace.as_deref()));
    let mut request = Request::new(inner.next_id(), METHOD);
    request.params = params.map_err(|error| session.unsendable(error))?;
    let id = request.id.clone();
    let listening = session.cache().map(|cache| cache.listen(&id));
    let exchange = session.open_exchange(request, trace, is_background).await?;
    let mut open = Open { id, exchange, pace: Pace::default(), _listening: listening };
    match open.next(session, feed).await {
        ListenItem::Acknowledged(acknowledged) => feed.acknowledge(acknowledged),
        // Dropping the exchange cancels it.
        ListenItem::Notification => {
            let text = "the server sends events before it acknowledges the subscription";
            return Err(session.error(ErrorKind::Decode, text).with_delivery(Delivery::Answered));
        }
        ListenItem::End(Err(error)) => return Err(error),
        ListenItem::End(Ok(())) => {
            let text = "the server ended the subscription before it acknowledged it";
            let error = session.error(ErrorKind::Cancelled, text);
            return Err(error.with_delivery(Delivery::Answered));
        }
    }
    Ok(open)
}

/// Feeds a subscription until its final end.
pub(super) fn keep(
    session: Session,
    feed: Arc<Feed>,
    open: Open,
    limit: Duration,
    backoff: Option<Backoff>,
) -> impl Future<Output = ()> + Send {
    // Whenever the task ends, even before it starts, the subscription must not appear to be open.
    let error = session.error(ErrorKind::Closed, "the task of the subscription has ended");
    let end = EndOnDrop { feed, error };
    async move { feed_until_end(&session, &end.feed, open, limit, backoff).await }
}

async fn feed_until_end(
    session: &Session,
    feed: &Feed,
    mut open: Open,
    limit: Duration,
    backoff: Option<Backoff>,
) {
    let mut resubscribe = backoff.map(Resubscribe::new);
    loop {
        let end = read(&mut open, session, feed, resubscribe.as_mut()).await;
        // Results cached because of it are stale from now on.
        drop(open);
        let Some(resubscribe) = &mut resubscribe else {
            return feed.backlog.end(end.map_err(|error| error.with_method(METHOD)));
        };
        tracing::debug!(server = session.name(), ?end, "a subscription has ended");
        resubscribe.interrupted();
        let opening = reopen(session, feed, limit, resubscribe, end);
        open = match session.until_closed(opening).await {
            Ok(Ok(open)) => open,
            Ok(Err(end)) => return feed.backlog.end(end.map_err(|it| it.with_method(METHOD))),
            Err(closed) => return feed.backlog.end(Err(closed.with_method(METHOD))),
        };
        resubscribe.opened();
        feed.backlog.push(Event::Resync);
    }
}

/// Feeds a subscription until it ends.
async fn read(
    open: &mut Open,
    session: &Session,
    feed: &Feed,
    mut resubscribe: Option<&mut Resubscribe>,
) -> Result<(), Error> {
    loop {
        match open.next(session, feed).await {
            ListenItem::Acknowledged(acknowledged) => feed.acknowledge(acknowledged),
            ListenItem::Notification => {
                resubscribe.iter_mut().for_each(|resubscribe| resubscribe.has_event());
            }
            ListenItem::End(end) => return end,
        }
    }
}

/// Reopens a subscription, or fails with the last error.
async fn reopen(
    session: &Session,
    feed: &Feed,
    limit: Duration,
    resubscribe: &mut Resubscribe,
    mut end: Result<(), Error>,
) -> Result<Open, Result<(), Error>> {
    loop {
        let Some(delay) = resubscribe.next_delay(end.as_ref().err()) else { return Err(end) };
        sleep(delay).await;
        match open_within(session, feed, limit, true).await {
            Ok(open) => return Ok(open),
            Err(error) => {
                tracing::debug!(%error, "cannot reopen a subscription");
                end = Err(error);
            }
        }
    }
}

impl Open {
    /// The next item for this subscription. Events are already in the feed.
    async fn next(&mut self, session: &Session, feed: &Feed) -> ListenItem {
        loop {
            if self.pace.is_over() {
                self.pace.pause().await;
            }
            let notification = match self.exchange.next().await {
                Some(Ok(Message::Notification(notification))) => notification,
                Some(Ok(Message::Response(response))) => {
                    let end = response.outcome.map(drop);
                    let server = Arc::clone(&session.inner().server);
                    return ListenItem::End(end.map_err(|error| Error::from_answer(server, error)));
                }
                // Servers of this era send no requests.
                Some(Ok(Message::Request(_))) => continue,
                // On a pipe, the server ends it with a cancellation.
                Some(Err(error)) if error.kind() == mcp_transport::ErrorKind::Cancelled => {
                    return ListenItem::End(Ok(()));
                }
                Some(Err(error)) => return ListenItem::End(Err(session.transport_error(error))),
                None => return ListenItem::End(Ok(())),
            };
            if let Some(item) = self.notified(session, feed, &notification) {
                return item;
            }
        }
    }

    fn notified(
        &self,
        session: &Session,
        feed: &Feed,
        notification: &Notification,
    ) -> Option<ListenItem> {
        // Some servers omit it, which is harmless if each subscription has its own stream.
        if subscription_of(notification).is_some_and(|id| id != self.id && !id.echoes(&self.id)) {
            tracing::debug!(method = %notification.method, "ignored a notification of another subscription");
            return None;
        }
        session.dispatch(notification, || None);
        if notification.method == method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED {
            let params = decode_params(notification.params.as_ref());
            let params: SubscriptionsAcknowledgedNotificationParams = match params {
                Ok(params) => params,
                Err(error) => {
                    let server = Arc::clone(&session.inner().server);
                    return Some(ListenItem::End(Err(Error::decode(server, error))));
                }
            };
            return Some(ListenItem::Acknowledged(params.notifications));
        }
        feed.notify(notification).then_some(ListenItem::Notification)
    }
}

struct EndOnDrop {
    feed: Arc<Feed>,
    error: Error,
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        // Only the first end counts.
        self.feed.backlog.end(Err(self.error.clone()));
    }
}

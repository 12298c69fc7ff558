//! Subscriptions of the modern era: a request that stays open.

use std::{sync::Arc, time::Duration};

use mcp_core::{
    Message, Notification, Request, RequestId, SubscriptionFilter,
    SubscriptionsAcknowledgedNotificationParams, SubscriptionsListenRequestParams, decode_params,
    method,
};
use mcp_transport::{Delivery, Exchange};
use tokio::time::{Instant, sleep, timeout};

use super::{Event, Feed, Subscribe, event::subscription_of};
use crate::{Error, ErrorKind, Session, cache::Listening, params::Params};

const METHOD: &str = method::SUBSCRIPTIONS_LISTEN;

/// A subscription that the server has acknowledged.
pub(super) struct Open {
    id: RequestId,
    exchange: Exchange,
    _listening: Option<Listening>,
}

/// Opens a subscription.
pub(super) async fn open(
    session: &Session,
    feed: &Feed,
    patience: Duration,
) -> Result<Open, Error> {
    let opening = timeout(patience, begin(session, feed)).await;
    let opened = opening.unwrap_or_else(|_| {
        let text = format!("the server did not acknowledge it within {patience:?}");
        Err(session.error(ErrorKind::Timeout, text).with_delivery(Delivery::Unknown))
    });
    opened.map_err(|error| error.with_method(METHOD))
}

async fn begin(session: &Session, feed: &Feed) -> Result<Open, Error> {
    let filter = session.extended_filter(feed.filter.clone());
    let params = Params::new(&SubscriptionsListenRequestParams::new(filter));
    let meta = session.log_level().beside(None, None);
    let trace = session.tracing().context(|| None);
    let params = params.and_then(|params| {
        params.encode(session.common_meta(), None, meta.as_deref(), trace.as_deref())
    });
    let mut request = Request::new(session.next_id(), METHOD);
    request.params = params.map_err(|error| session.unsendable(error))?;
    let id = request.id.clone();
    let listening = session.cache().map(|cache| cache.listen(&id));
    let exchange = session.begin(request, trace).await?;
    let mut open = Open { id, exchange, _listening: listening };
    match open.next(session, feed).await {
        Some(Said::Acknowledged(acknowledged)) => feed.acknowledge(acknowledged),
        Some(Said::Something) => {
            let text = "the server tells of changes before it acknowledges";
            tracing::debug!(server = session.name(), text);
        }
        Some(Said::Ended(Err(error))) => return Err(error),
        Some(Said::Ended(Ok(()))) | None => {
            let text = "the server ended the subscription before it acknowledged it";
            return Err(session
                .error(ErrorKind::Cancelled, text)
                .with_delivery(Delivery::Answered));
        }
    }
    Ok(open)
}

/// Feeds a subscription until it is over for good.
pub(super) async fn keep(subscribe: Subscribe, feed: Arc<Feed>, mut open: Open) {
    let Subscribe { session, timeout, relisten, .. } = subscribe;
    let mut waits = 0;
    let mut last_wait = Duration::ZERO;
    loop {
        let since = Instant::now();
        let mut has_told = false;
        let end = loop {
            match open.next(&session, &feed).await {
                Some(Said::Acknowledged(acknowledged)) => feed.acknowledge(acknowledged),
                Some(Said::Something) => has_told = true,
                Some(Said::Ended(end)) => break end,
                None => break Ok(()),
            }
        };
        // What is kept by its word is out of date from here on.
        drop(open);
        let Some(relisten) = relisten else {
            return feed.backlog.end(end.map_err(|error| error.with_method(METHOD)));
        };
        tracing::debug!(server = session.name(), ?end, "a subscription has ended");
        if has_told || since.elapsed() > last_wait {
            waits = 0;
        }
        let mut failures = 0;
        let mut failure = end.err();
        let opening = async {
            loop {
                if let Some(error) = failure.take_if(|error| relisten.gives_up(failures, error)) {
                    return Err(error);
                }
                last_wait = relisten.wait(waits);
                sleep(last_wait).await;
                waits = waits.saturating_add(1);
                match self::open(&session, &feed, timeout).await {
                    Ok(open) => return Ok(open),
                    Err(error) => {
                        tracing::debug!(%error, "a subscription cannot be opened again");
                        failures += 1;
                        failure = Some(error);
                    }
                }
            }
        };
        open = match session.until_closed(opening).await.and_then(|opened| opened) {
            Ok(open) => open,
            Err(error) => return feed.backlog.end(Err(error.with_method(METHOD))),
        };
        feed.backlog.push(Event::Resync);
    }
}

/// What a server says of a subscription.
enum Said {
    Acknowledged(SubscriptionFilter),
    Something,
    Ended(Result<(), Error>),
}

impl Open {
    /// What the server says next of this subscription. Events are in the feed by then.
    async fn next(&mut self, session: &Session, feed: &Feed) -> Option<Said> {
        loop {
            let notification = match self.exchange.next().await? {
                Ok(Message::Notification(notification)) => notification,
                Ok(Message::Response(response)) => {
                    let outcome = response.outcome.map(drop);
                    return Some(Said::Ended(outcome.map_err(|error| session.refused(error))));
                }
                // The era has no requests of servers.
                Ok(Message::Request(_)) => continue,
                // On a pipe a cancellation by the server is its way to end it.
                Err(error) if error.kind() == mcp_transport::ErrorKind::Cancelled => {
                    return Some(Said::Ended(Ok(())));
                }
                Err(error) => return Some(Said::Ended(Err(session.below(error)))),
            };
            if let Some(said) = self.hear(session, feed, &notification) {
                return Some(said);
            }
        }
    }

    fn hear(&self, session: &Session, feed: &Feed, notification: &Notification) -> Option<Said> {
        // A stream of its own needs no such mark, and some servers leave it out there.
        if subscription_of(notification).is_some_and(|id| id != self.id) {
            tracing::debug!(method = %notification.method, "it is of another subscription");
            return None;
        }
        session.notice(notification);
        if notification.method == method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED {
            let params = decode_params(notification.params.as_ref());
            let params: SubscriptionsAcknowledgedNotificationParams = params
                .inspect_err(|error| tracing::debug!(%error, "it cannot be read"))
                .unwrap_or_else(|_| {
                    SubscriptionsAcknowledgedNotificationParams::new(SubscriptionFilter::default())
                });
            return Some(Said::Acknowledged(params.notifications));
        }
        feed.take(notification).then_some(Said::Something)
    }
}

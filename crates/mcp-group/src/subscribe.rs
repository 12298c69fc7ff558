//! Subscriptions at the session of one server.

use std::time::Duration;

use mcp_core::SubscriptionFilter;
use mcp_session::{Error, Session, Subscribe, Subscription};
use mcp_transport::util::Retries;

/// How long a server may take to acknowledge a subscription.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Events that may wait to be passed on.
const BACKLOG: usize = 1024;

/// Subscribes, and resubscribes as long as the session is open.
///
/// # Errors
/// When the server refuses, or does not acknowledge it in time.
pub(crate) async fn subscribe(
    session: &Session,
    filter: SubscriptionFilter,
) -> Result<Subscription, Error> {
    let subscribing = session.subscribe(filter).timeout(ACKNOWLEDGE_TIMEOUT).backlog(BACKLOG);
    subscribing.resubscribe(Subscribe::BACKOFF).await
}

/// Counts attempts to subscribe in a row. An event is progress, an acknowledgement alone is none.
pub(crate) fn retries() -> Retries {
    Retries::new(Subscribe::BACKOFF)
}

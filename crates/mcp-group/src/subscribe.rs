//! Subscriptions at the session of one server.

use std::time::Duration;

use mcp_core::SubscriptionFilter;
use mcp_session::{Error, Session, Subscribe, Subscription};
use mcp_transport::util::Retries;

/// How long a server may take to acknowledge a subscription.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of queued events.
const BACKLOG: usize = 1024;

/// Subscribes, and resubscribes while the session is open.
///
/// # Errors
/// The server refuses, or does not acknowledge in time.
pub(crate) async fn subscribe(
    session: &Session,
    filter: SubscriptionFilter,
) -> Result<Subscription, Error> {
    let subscribing = session.subscribe(filter).timeout(ACKNOWLEDGE_TIMEOUT).backlog(BACKLOG);
    subscribing.resubscribe(Subscribe::BACKOFF).await
}

/// Counts consecutive attempts to subscribe. An event resets the count; an acknowledgement alone does not.
pub(crate) fn retries() -> Retries {
    Retries::new(Subscribe::BACKOFF)
}

//! Subscriptions at the session of one server.

use std::time::Duration;

use mcp_core::{SubscriptionFilter, error_code};
use mcp_session::{Error, ErrorKind, Session, Subscribe, Subscription};
use mcp_transport::Retries;

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

/// Counts attempts to subscribe.
pub(crate) fn retries() -> Retries {
    Retries::new(Subscribe::BACKOFF)
}

/// Whether another attempt at the same session would end in the same way.
pub(crate) fn is_final(error: &Error) -> bool {
    match error.answer() {
        Some(answer) => {
            matches!(answer.code, error_code::METHOD_NOT_FOUND | error_code::INVALID_PARAMS)
        }
        None => matches!(error.kind(), ErrorKind::Closed | ErrorKind::Unsupported),
    }
}

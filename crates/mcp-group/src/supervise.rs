//! Opens a server, and opens it again when it has ended.

use std::{sync::Arc, time::Duration};

use futures_util::future::{join3, select};
use mcp_core::{CancelledNotificationParams, method};
use mcp_session::{Error, ErrorKind, Session};
use tokio::time::Instant;

use crate::{
    Backoff, listening, lists,
    member::{Member, Phase},
};

/// How long a server that has ended may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs until it is aborted, or trying again is pointless. `number` is that of its task.
pub(crate) async fn supervise(member: Arc<Member>, number: u64, backoff: Backoff) {
    let server = Arc::clone(&member.name);
    let mut wait = backoff.initial;
    // Told once for each time it goes down, not for each attempt.
    let mut was_up = true;
    loop {
        let error = match member.open().await {
            Ok(session) => {
                let since = Instant::now();
                let is_again = member.opened(&session);
                if is_again {
                    tracing::info!(%server, "the server is there again");
                }
                if !member.publish(number, Phase::Ready(session.clone())) {
                    return;
                }
                let error = live(&member, session, is_again).await;
                if since.elapsed() >= backoff.max {
                    wait = backoff.initial;
                }
                was_up = true;
                error
            }
            Err(error) => error,
        };
        member.failed(&error);
        if is_hopeless(&error) {
            tracing::warn!(%error, "the server cannot be opened");
            member.publish(number, Phase::Failed(error));
            return;
        }
        match std::mem::take(&mut was_up) {
            true => tracing::warn!(%error, retry_in = ?wait, "the server is down"),
            false => tracing::debug!(%error, retry_in = ?wait, "the server is still down"),
        }
        let until = Instant::now() + wait;
        if !member.publish(number, Phase::Waiting { until, error }) {
            return;
        }
        tokio::time::sleep_until(until).await;
        wait = backoff.after(wait);
        if !member.publish(number, Phase::Connecting) {
            return;
        }
    }
}

/// Looks after a session until it is over. Returns why it is.
async fn live(member: &Arc<Member>, session: Session, is_again: bool) -> Error {
    {
        let upkeep = join3(
            member.restore_level(&session),
            lists::keep(member, &session, is_again),
            listening::keep(member, &session, is_again),
        );
        select(std::pin::pin!(session.closed()), std::pin::pin!(upkeep)).await;
    }
    // Only a message that cannot be sent any more tells how the connection ended. Nobody would miss it.
    let params = CancelledNotificationParams::new().with_reason("is anybody there?");
    let sending = session.notify(method::NOTIFICATIONS_CANCELLED, &params);
    match tokio::time::timeout(LAST_WORDS, sending).await {
        Ok(Err(error)) => error,
        _ => Error::new(ErrorKind::Closed, Arc::clone(&member.name), "the connection is over"),
    }
}

/// Whether the next attempt would end in the same way.
fn is_hopeless(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Target | ErrorKind::Version | ErrorKind::Arguments | ErrorKind::Config
    )
}

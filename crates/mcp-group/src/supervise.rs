//! Opens a server, and reopens it when it has ended.

use std::{pin::pin, sync::Arc};

use futures_util::future::{Either, select};
use mcp_session::{Error, ErrorKind, Handlers, Session};
use mcp_transport::util::Retries;
use tokio::time::Instant;

use crate::{asker::with_all, member::Member, notifications, phase::Phase, upkeep::keep_up};

/// Runs until it is aborted or another attempt is pointless. `number` is the number of its task.
///
/// The count of attempts restarts after a session that answered a request of a client, or was open for the longest
/// delay of the back-off.
pub(crate) async fn supervise(member: Arc<Member>, number: u64) {
    let server = Arc::clone(&member.name);
    let mut retries = Retries::new(member.backoff);
    // Logged once per outage, not for each attempt.
    let mut was_up = true;
    loop {
        let error = match open(&member).await {
            Ok(session) => {
                let since = Instant::now();
                let was_there = member.opened(&session);
                if was_there {
                    tracing::info!(%server, "the server is reconnected");
                }
                member.take_answered();
                if !member.publish(number, Phase::Ready(session.clone())) {
                    return;
                }
                let error = live(&member, session, was_there).await;
                if member.take_answered() || since.elapsed() >= member.backoff.max {
                    retries.progressed();
                }
                was_up = true;
                error
            }
            Err(error) => error,
        };
        member.failed(&error);
        let delay = match is_final(&error) {
            true => None,
            false => retries.next_delay(None),
        };
        let Some(delay) = delay else {
            tracing::warn!(%error, "cannot open the server");
            member.publish(number, Phase::Failed(error));
            return;
        };
        match std::mem::take(&mut was_up) {
            true => tracing::warn!(%error, retry_in = ?delay, "the server is down"),
            false => tracing::debug!(%error, retry_in = ?delay, "the server is still down"),
        }
        if !member.publish(number, Phase::waiting(delay, error)) {
            return;
        }
        tokio::time::sleep(delay).await;
        if !member.publish(number, Phase::Connecting) {
            return;
        }
    }
}

async fn open(member: &Arc<Member>) -> Result<Session, Error> {
    let Some(connect) = member.connect.clone() else {
        let message = "the server has no connector";
        return Err(Error::new(ErrorKind::Target, Arc::clone(&member.name), message));
    };
    let mut options = member.options.clone();
    if let Some(verdict) = member.verdict() {
        // An unchecked verdict may be outdated.
        let is_used = options.prior_discover.is_some() || verdict.is_checked_first();
        options.prior_discover = Some(verdict).filter(|_| is_used);
    }
    if member.forwards_requests {
        let of = Arc::downgrade(member);
        let forwarding = Handlers::new().on_request(move |request| {
            let member = of.upgrade();
            async move {
                match member {
                    Some(member) => member.open_calls.ask(request).await,
                    None => Err(mcp_core::ErrorObject::new(
                        mcp_core::error_code::INTERNAL_ERROR,
                        "the group was closed",
                    )),
                }
            }
        });
        options.handlers = forwarding.merge(options.handlers);
        options.capabilities = with_all(options.capabilities);
    }
    let of_application = options.on_notification.take();
    // Weak, since the member owns the session.
    let member_of = Arc::downgrade(member);
    options.on_notification = Some(Arc::new(move |notification| {
        if let Some(of_application) = &of_application {
            of_application(notification);
        }
        if let Some(member) = member_of.upgrade() {
            notifications::receive(&member, notification);
        }
    }));
    Session::open(connect, Some(&member.name), options).await
}

/// Maintains a session until it is closed. Returns the reason.
async fn live(member: &Arc<Member>, session: Session, was_there: bool) -> Error {
    let mut closed = pin!(session.closed());
    let upkeep = pin!(keep_up(member, &session, was_there));
    match select(closed.as_mut(), upkeep).await {
        Either::Left((reason, _)) => reason,
        // There is nothing more to maintain.
        Either::Right(_) => closed.await,
    }
}

/// Whether another attempt would fail in the same way.
fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Target | ErrorKind::Version | ErrorKind::Arguments | ErrorKind::Config
    )
}

impl Member {
    /// Publishes the phase of the task with this number; false if the task was replaced or stopped.
    fn publish(&self, number: u64, phase: Phase) -> bool {
        let supervisor = self.supervisor();
        let is_current = supervisor.task.is_some() && supervisor.number == number;
        if is_current {
            self.phase.send_replace(phase);
        }
        is_current
    }
}

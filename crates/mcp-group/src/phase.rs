use std::time::Duration;

use mcp_session::{Error, Session};
use tokio::time::Instant;

/// What a server of a group is doing.
#[derive(Clone)]
pub(crate) enum Phase {
    /// Not connected, and nothing connects it.
    Idle,
    /// Being opened.
    Connecting,
    Ready(Session),
    /// It is down, and is opened again at this time; `None` is never.
    Waiting {
        until: Option<Instant>,
        error: Error,
    },
    /// It is down, and nothing opens it again by itself.
    Failed(Error),
}

impl Phase {
    /// It is down, and is opened again after this delay.
    pub(crate) fn waiting(delay: Duration, error: Error) -> Self {
        Self::Waiting { until: Instant::now().checked_add(delay), error }
    }

    /// The session, if there is one that is not known to be over.
    pub(crate) fn session(&self) -> Option<&Session> {
        match self {
            Self::Ready(session) if !session.is_closed() => Some(session),
            _ => None,
        }
    }
}

/// How long it is until then.
pub(crate) fn time_left(until: Option<Instant>) -> Duration {
    until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()))
}

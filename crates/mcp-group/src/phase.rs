use std::time::Duration;

use mcp_session::{Error, Session};
use tokio::time::Instant;

/// Connection phase of a server in a group.
#[derive(Clone)]
pub(crate) enum Phase {
    /// Not connected, and not being opened.
    Idle,
    /// Being opened.
    Connecting,
    Ready(Session),
    /// Down; the next attempt is at this time. `None` means never.
    Waiting {
        until: Option<Instant>,
        error: Error,
    },
    /// Down; not retried automatically.
    Failed(Error),
}

impl Phase {
    /// Down; the next attempt is after this delay.
    pub(crate) fn waiting(delay: Duration, error: Error) -> Self {
        Self::Waiting { until: Instant::now().checked_add(delay), error }
    }

    /// The session, unless it is known to be closed.
    pub(crate) fn session(&self) -> Option<&Session> {
        match self {
            Self::Ready(session) if !session.is_closed() => Some(session),
            _ => None,
        }
    }
}

/// The time until then.
pub(crate) fn time_left(until: Option<Instant>) -> Duration {
    until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()))
}

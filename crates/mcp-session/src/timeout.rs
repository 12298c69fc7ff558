use std::time::Duration;

/// Default idle timeout of a call.
const IDLE_LIMIT: Duration = Duration::from_secs(300);

/// Default total timeout of a call, so that endless progress does not hold it.
const TOTAL_LIMIT: Duration = Duration::from_secs(60 * 60);

/// Timeouts of a call.
///
/// Time in which the server waits for a user, for example at a form or a login, does not count as idle. The total
/// timeout includes it.
///
/// Default: 300 s idle, and one hour in total; [`idle`](Timeout::idle) and `with_total(None)` remove the total timeout.
///
/// Spec: basic/patterns/cancellation#timeouts
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// Maximum time without any message for the call, such as progress.
    pub idle: Option<Duration>,
    /// Maximum time of the whole call.
    pub total: Option<Duration>,
}

impl Timeout {
    /// No timeouts: the call may wait without limit.
    pub const NONE: Self = Self { idle: None, total: None };

    /// An idle timeout: each message for the call, such as progress, restarts it.
    pub const fn idle(limit: Duration) -> Self {
        Self { idle: Some(limit), total: None }
    }

    /// A total timeout, independent of messages.
    pub const fn total(limit: Duration) -> Self {
        Self { idle: None, total: Some(limit) }
    }

    /// Sets the idle timeout; `None` means no limit.
    #[must_use]
    pub fn with_idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle = limit.into();
        self
    }

    /// Sets the total timeout; `None` means no limit.
    #[must_use]
    pub fn with_total(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.total = limit.into();
        self
    }
}

impl Default for Timeout {
    fn default() -> Self {
        Self::idle(IDLE_LIMIT).with_total(TOTAL_LIMIT)
    }
}

impl From<Duration> for Timeout {
    fn from(limit: Duration) -> Self {
        Self::total(limit)
    }
}

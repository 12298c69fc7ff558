use std::time::Duration;

/// The default idle limit of a call.
const IDLE_LIMIT: Duration = Duration::from_secs(300);

/// The default limit of a whole call: progress without end must not hold it for ever.
const TOTAL_LIMIT: Duration = Duration::from_secs(60 * 60);

/// Limits on the time that a call may take.
///
/// Time in which the server waits for a person, such as one who fills in a form or logs in, is not idle. A
/// limit on the whole call counts it too.
///
/// Default: 300 s idle, and one hour for the whole call, which [`idle`](Timeout::idle) and
/// `with_total(None)` remove.
///
/// Spec: basic/patterns/cancellation#timeouts
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// The longest time without any message for the call, such as progress.
    pub idle: Option<Duration>,
    /// The longest time for the whole call, with all that is done for it.
    pub total: Option<Duration>,
}

impl Timeout {
    /// No limit at all: the call may wait for ever.
    pub const NONE: Self = Self { idle: None, total: None };

    /// A limit on the silence of the server: each message for the call, such as progress, restarts it.
    pub const fn idle(limit: Duration) -> Self {
        Self { idle: Some(limit), total: None }
    }

    /// A limit on the whole call, whatever arrives meanwhile.
    pub const fn total(limit: Duration) -> Self {
        Self { idle: None, total: Some(limit) }
    }

    /// Sets the limit on silence; `None` is no limit.
    #[must_use]
    pub fn with_idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle = limit.into();
        self
    }

    /// Sets the limit on the whole call; `None` is no limit.
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

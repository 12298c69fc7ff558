//! Poll interval of a device login.

use std::time::Duration;

/// Default interval.
const INTERVAL: Duration = Duration::from_secs(5);
/// Maximum interval.
const MAX_INTERVAL: Duration = Duration::from_secs(60);
/// Increase of the interval on `slow_down`.
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// Poll schedule.
#[derive(Debug)]
pub(crate) struct Poll {
    interval: Duration,
}

/// Meaning of a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    AskAfter(Duration),
    End,
}

impl Poll {
    pub(crate) fn new(seconds: Option<u64>) -> Self {
        let interval = seconds.map_or(INTERVAL, Duration::from_secs);
        Self { interval: interval.clamp(Duration::from_secs(1), MAX_INTERVAL) }
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// Handles a refusal with this `error` code.
    ///
    /// Spec: RFC 8628, 3.5
    pub(crate) fn after(&mut self, code: &str) -> Next {
        match code {
            "authorization_pending" => Next::AskAfter(self.interval),
            "slow_down" => {
                self.interval = (self.interval + SLOW_DOWN).min(MAX_INTERVAL);
                Next::AskAfter(self.interval)
            }
            _ => Next::End,
        }
    }

    /// Handles a transient failure.
    pub(crate) fn after_failure(&mut self) -> Duration {
        self.interval = (self.interval * 2).min(MAX_INTERVAL);
        self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_on_request() {
        let seconds = Duration::from_secs;
        let mut poll = Poll::new(None);
        assert_eq!(poll.after("authorization_pending"), Next::AskAfter(seconds(5)));
        assert_eq!(poll.after("slow_down"), Next::AskAfter(seconds(10)));
        assert_eq!(poll.after("authorization_pending"), Next::AskAfter(seconds(10)));
        assert_eq!(poll.after_failure(), seconds(20));
        assert_eq!(poll.after("expired_token"), Next::End);
        assert_eq!(Poll::new(Some(0)).interval(), seconds(1));
        assert_eq!(Poll::new(Some(u64::MAX)).interval(), MAX_INTERVAL);
    }
}

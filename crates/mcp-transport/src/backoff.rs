use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// An exponential back-off with jitter: how often to retry, and after which delays.
///
/// The delay doubles with each failure in a row, up to [`max`](Self::max). A random part of it is
/// subtracted, so that many clients do not retry at the same moment. The functions that take a `Backoff`
/// document what is retried and what resets the count. [`Retries`] counts the attempts in a row.
///
/// Every `Duration` is valid, including [`Duration::MAX`].
///
/// ```
/// use std::time::Duration;
/// use mcp_transport::Backoff;
///
/// let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10))
///     .with_attempts(5)
///     .with_jitter(0.0);
/// assert_eq!(backoff.delay(0, None), Duration::from_millis(100));
/// assert_eq!(backoff.delay(3, None), Duration::from_millis(800));
/// assert_eq!(backoff.delay(30, None), Duration::from_secs(10));
/// ```
#[doc(alias = "retry")]
#[doc(alias = "reconnect")]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Backoff {
    /// The first delay. Default: 500 ms.
    pub first: Duration,
    /// The longest delay. Default: 30 s.
    pub max: Duration,
    /// The number of attempts in a row that may fail. Default: 5. `None` is no limit.
    pub attempts: Option<u32>,
    /// The largest part of a delay that is subtracted at random, from 0 (none) to 1 (all of it). Default:
    /// 0.5.
    pub jitter: f64,
    /// The shortest delay, even if the peer requests a shorter one. Default: 100 ms, or
    /// [`first`](Self::first) if that is shorter.
    pub floor: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(30))
    }
}

impl Backoff {
    /// Creates a back-off with these delays and defaults for the other fields.
    pub const fn new(first: Duration, max: Duration) -> Self {
        const FLOOR: Duration = Duration::from_millis(100);
        let floor = if first.as_nanos() < FLOOR.as_nanos() { first } else { FLOOR };
        Self { first, max, attempts: Some(5), jitter: 0.5, floor }
    }

    /// Sets the number of attempts in a row that may fail. `None` is no limit.
    #[must_use]
    pub fn with_attempts(mut self, attempts: impl Into<Option<u32>>) -> Self {
        self.attempts = attempts.into();
        self
    }

    /// Sets the largest part of a delay that is subtracted at random, from 0 to 1.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets the shortest delay.
    #[must_use]
    pub const fn with_floor(mut self, floor: Duration) -> Self {
        self.floor = floor;
        self
    }

    /// Returns the delay before a retry. `failures` is the number of retries in a row that failed before
    /// it: 0 for the first retry.
    ///
    /// `asked` is the delay that the peer requested, such as `retry` of an event stream. It replaces the
    /// first delay and is a lower bound for the others.
    #[must_use]
    pub fn delay(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let delay = match asked {
            Some(asked) if failures == 0 => asked,
            asked => self.exponential_delay(failures).max(asked.unwrap_or_default()),
        };
        delay.max(self.floor)
    }

    fn exponential_delay(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        let full = self.first.saturating_mul(factor).min(self.max);
        // A hasher with new random keys is random enough for jitter.
        let random = RandomState::new().hash_one(failures) % 1024;
        let part = self.jitter.clamp(0.0, 1.0) * random as f64 / 1024.0;
        full.saturating_sub(Duration::try_from_secs_f64(full.as_secs_f64() * part).unwrap_or(full))
    }
}

/// Counts the attempts in a row of an operation that is retried with a [`Backoff`].
#[doc(alias = "retry")]
#[derive(Debug, Clone, PartialEq)]
pub struct Retries {
    backoff: Backoff,
    attempts: u32,
    is_eager: bool,
}

impl Retries {
    /// Creates a count of zero attempts.
    pub const fn new(backoff: Backoff) -> Self {
        Self { backoff, attempts: 0, is_eager: false }
    }

    /// Makes the first attempt of each row immediate. The second attempt has the first delay of the
    /// back-off.
    #[must_use]
    pub const fn eager(mut self) -> Self {
        self.is_eager = true;
        self
    }

    /// Counts another attempt and returns the delay before it, or `None` if no more attempts are allowed.
    /// `asked` is the delay that the peer requested; see [`Backoff::delay`].
    #[must_use]
    pub fn next_delay(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.backoff.attempts.is_some_and(|limit| self.attempts >= limit) {
            return None;
        }
        let failures = self.attempts.checked_sub(u32::from(self.is_eager));
        self.attempts = self.attempts.saturating_add(1);
        Some(failures.map_or(Duration::ZERO, |failures| self.backoff.delay(failures, asked)))
    }

    /// Resets the count after a success: the next attempt is the first of a new row.
    pub fn progressed(&mut self) {
        self.attempts = 0;
    }

    /// The number of attempts in a row so far.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }
}

impl From<Backoff> for Retries {
    fn from(backoff: Backoff) -> Self {
        Self::new(backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_max_with_jitter() {
        let backoff = Backoff::default();
        for (failures, full) in [(0, 500), (1, 1000), (3, 4000), (6, 30_000), (u32::MAX, 30_000)] {
            let full = Duration::from_millis(full);
            let delays: Vec<_> = (0..50).map(|_| backoff.delay(failures, None)).collect();
            assert!(delays.iter().all(|it| *it <= full && *it >= full / 2), "{failures}");
            assert!(delays.iter().any(|it| *it != delays[0]), "{failures}");
        }
    }

    #[test]
    fn a_requested_delay_is_honoured_in_full_but_not_below_the_floor() {
        let backoff = Backoff::default();
        let asked = |millis| Some(Duration::from_millis(millis));
        assert_eq!(backoff.delay(0, asked(200)), Duration::from_millis(200));
        assert_eq!(backoff.delay(0, asked(90_000)), Duration::from_secs(90));
        assert!(backoff.delay(2, asked(200)) >= Duration::from_secs(1));
        assert_eq!(backoff.delay(9, asked(90_000)), Duration::from_secs(90));
        assert_eq!(backoff.delay(0, asked(0)), backoff.floor);
        let eager = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(eager.delay(7, None), Duration::ZERO);
    }

    #[test]
    fn any_duration_is_safe() {
        for (first, max) in [
            (Duration::MAX, Duration::MAX),
            (Duration::ZERO, Duration::MAX),
            (Duration::MAX, Duration::ZERO),
        ] {
            for jitter in [0.0, 0.5, 1.0, -1.0, 2.0, f64::NAN, f64::INFINITY] {
                let backoff = Backoff::new(first, max).with_jitter(jitter);
                for failures in [0, 1, 31, 32, u32::MAX] {
                    let _ = backoff.delay(failures, None);
                    assert_eq!(backoff.delay(failures, Some(Duration::MAX)), Duration::MAX);
                }
            }
        }
    }

    #[test]
    fn attempts_in_a_row_are_counted_until_progressed_resets_them() {
        const SECOND: Duration = Duration::from_secs(1);
        let backoff = Backoff::new(SECOND, 60 * SECOND).with_jitter(0.0);
        let mut retries = Retries::new(backoff.with_attempts(2));
        for _ in 0..2 {
            assert_eq!(retries.next_delay(None), Some(SECOND));
            assert_eq!(retries.next_delay(None), Some(2 * SECOND));
            assert_eq!(retries.next_delay(None), None);
            assert_eq!(retries.attempts(), 2);
            retries.progressed();
        }
        let mut eager = Retries::new(backoff.with_attempts(3)).eager();
        let delays: Vec<_> = std::iter::from_fn(|| eager.next_delay(None)).collect();
        assert_eq!(delays, [Duration::ZERO, SECOND, 2 * SECOND]);
        let mut endless = Retries::new(backoff.with_attempts(None));
        assert!((0..10_000).all(|_| endless.next_delay(None).is_some()));
    }
}

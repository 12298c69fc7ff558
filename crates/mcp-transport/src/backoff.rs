use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// How often something is tried again, and after which delays.
///
/// The delay doubles with each failure in a row, up to [`max`](Self::max); a random part of it is taken
/// off, so that many clients do not come back at once. What is tried again, and what counts as progress,
/// is documented where a `Backoff` is taken. [`Retries`] counts the attempts in a row.
///
/// Any `Duration` is safe, [`Duration::MAX`] too.
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
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Backoff {
    /// The first delay. Default: 500 ms.
    pub first: Duration,
    /// The longest delay. Default: 30 s.
    pub max: Duration,
    /// How many attempts in a row may fail. Default: 5. `None` is no limit.
    pub attempts: Option<u32>,
    /// The largest part of a delay that is taken off at random, from 0 (none) to 1 (all of it). Default:
    /// 0.5.
    pub jitter: f64,
    /// The shortest delay, whatever the peer asks for. Default: 100 ms.
    pub floor: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(30))
    }
}

impl Backoff {
    /// A back-off with these delays, and the defaults for the rest. The floor is not above `first`.
    pub const fn new(first: Duration, max: Duration) -> Self {
        const FLOOR: Duration = Duration::from_millis(100);
        let floor = if first.as_nanos() < FLOOR.as_nanos() { first } else { FLOOR };
        Self { first, max, attempts: Some(5), jitter: 0.5, floor }
    }

    /// Sets how many attempts in a row may fail: a number, or `None` for no limit.
    #[must_use]
    pub fn with_attempts(mut self, attempts: impl Into<Option<u32>>) -> Self {
        self.attempts = attempts.into();
        self
    }

    /// Sets the largest part of a delay that is taken off at random, from 0 to 1.
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

    /// The delay after `failures` failures in a row, the first being 0.
    ///
    /// `asked` is what the peer asked for, such as `retry` of an event stream: it replaces the first delay
    /// and is the least for the others.
    #[must_use]
    pub fn delay(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let delay = match asked {
            Some(asked) if failures == 0 => asked,
            asked => self.grown(failures).max(asked.unwrap_or_default()),
        };
        delay.max(self.floor)
    }

    fn grown(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        let full = self.first.saturating_mul(factor).min(self.max);
        // A hasher with fresh keys is all the randomness that this needs.
        let random = RandomState::new().hash_one(failures) % 1024;
        let part = self.jitter.clamp(0.0, 1.0) * random as f64 / 1024.0;
        full.saturating_sub(Duration::try_from_secs_f64(full.as_secs_f64() * part).unwrap_or(full))
    }
}

/// Counts the attempts in a row at something that is tried again with a [`Backoff`].
#[derive(Debug, Clone, PartialEq)]
pub struct Retries {
    backoff: Backoff,
    attempts: u32,
    is_eager: bool,
}

impl Retries {
    /// Nothing was tried again yet.
    pub const fn new(backoff: Backoff) -> Self {
        Self { backoff, attempts: 0, is_eager: false }
    }

    /// The first attempt of each row is made without a delay; the second one has the first delay.
    #[must_use]
    pub const fn eager(mut self) -> Self {
        self.is_eager = true;
        self
    }

    /// Counts another attempt: the delay before it, or `None` when no more are allowed. `asked` is what the
    /// peer asked for; see [`Backoff::delay`].
    #[must_use]
    pub fn next_delay(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.backoff.attempts.is_some_and(|limit| self.attempts >= limit) {
            return None;
        }
        let failures = self.attempts.checked_sub(u32::from(self.is_eager));
        self.attempts = self.attempts.saturating_add(1);
        Some(failures.map_or(Duration::ZERO, |failures| self.backoff.delay(failures, asked)))
    }

    /// There was progress: the next attempt is the first of its row.
    pub fn progressed(&mut self) {
        self.attempts = 0;
    }

    /// How many attempts in a row were counted.
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
    fn delays_grow_up_to_the_longest_and_vary() {
        let backoff = Backoff::default();
        for (failures, full) in [(0, 500), (1, 1000), (3, 4000), (6, 30_000), (u32::MAX, 30_000)] {
            let full = Duration::from_millis(full);
            let delays: Vec<_> = (0..50).map(|_| backoff.delay(failures, None)).collect();
            assert!(delays.iter().all(|it| *it <= full && *it >= full / 2), "{failures}");
            assert!(delays.iter().any(|it| *it != delays[0]), "{failures}");
        }
    }

    #[test]
    fn what_the_peer_asks_for_is_waited_for_in_full_and_never_less_than_the_floor() {
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
    fn attempts_in_a_row_are_counted_until_there_is_progress() {
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

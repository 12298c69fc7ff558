use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How often a transport tries again what failed, and after which waits.
///
/// The wait doubles with each attempt in a row, and a random part of up to half of it is taken off,
/// so that many clients do not come back at once. What exactly is tried again, the transport says
/// that takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The first wait. Default: 500 ms.
    pub first: Duration,
    /// The longest wait. Default: 30 s.
    pub max: Duration,
    /// How many attempts in a row may fail before that is told. Default: 5.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), max: Duration::from_secs(30), attempts: 5 }
    }
}

impl Backoff {
    /// The wait before the attempt after `failures` waits in a row that were of no use.
    ///
    /// `retry` is what the server asked for: it stands in for the first wait, to the millisecond,
    /// and is the least for the others.
    #[must_use]
    pub fn delay(&self, failures: u32, retry: Option<Duration>) -> Duration {
        match retry {
            Some(retry) if failures == 0 => retry,
            retry => self.grown(failures).max(retry.unwrap_or_default()),
        }
    }

    fn grown(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        let full = self.first.saturating_mul(factor).min(self.max);
        // A hasher with fresh keys is all the randomness that this needs.
        let random = RandomState::new().hash_one(failures) % 1024;
        full - full / 2 * u32::try_from(random).unwrap_or_default() / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_cap_and_vary() {
        let backoff = Backoff::default();
        for (failures, full) in [(0, 500), (1, 1000), (3, 4000), (6, 30_000), (40, 30_000)] {
            let full = Duration::from_millis(full);
            for _ in 0..50 {
                let delay = backoff.delay(failures, None);
                assert!(delay <= full && delay >= full / 2, "{failures}: {delay:?}");
            }
        }
        let some: std::collections::HashSet<_> = (0..50).map(|_| backoff.delay(3, None)).collect();
        assert!(some.len() > 5);
    }

    #[test]
    fn a_retry_of_the_server_is_waited_for_in_full() {
        let backoff = Backoff::default();
        let retry = |millis| Some(Duration::from_millis(millis));
        assert_eq!(backoff.delay(0, retry(20)), Duration::from_millis(20));
        assert_eq!(backoff.delay(0, retry(90_000)), Duration::from_secs(90));
        assert!(backoff.delay(2, retry(20)) >= Duration::from_secs(1));
        assert_eq!(backoff.delay(9, retry(90_000)), Duration::from_secs(90));
    }
}

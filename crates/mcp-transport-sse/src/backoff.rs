use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// How often, and after which waits, a request tries to open the stream again when it is down.
///
/// The first attempt is made at once. The wait before each next one doubles, and a random part of up to
/// half of it is taken off, so that many clients do not come back at once. A refusal such as 404, and a
/// server that says nothing, are not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The wait before the second attempt; before the first as well, where the last stream did not hold
    /// for so long. Default: 500 ms.
    pub first: Duration,
    /// The longest wait. Default: 30 s.
    pub max: Duration,
    /// How many attempts one request makes, at least one. Default: 5.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), max: Duration::from_secs(30), attempts: 5 }
    }
}

impl Backoff {
    /// The wait after `failures` attempts in a row.
    pub(crate) fn delay(&self, failures: u32) -> Duration {
        let Some(doubled) = failures.checked_sub(1) else { return Duration::ZERO };
        let factor = 1_u32.checked_shl(doubled).unwrap_or(u32::MAX);
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
        assert_eq!(backoff.delay(0), Duration::ZERO);
        for (failures, full) in [(1, 500), (2, 1000), (4, 4000), (7, 30_000), (40, 30_000)] {
            let full = Duration::from_millis(full);
            for _ in 0..50 {
                let delay = backoff.delay(failures);
                assert!(delay <= full && delay >= full / 2, "{failures}: {delay:?}");
            }
        }
        let some: std::collections::HashSet<_> = (0..50).map(|_| backoff.delay(3)).collect();
        assert!(some.len() > 5);
    }
}

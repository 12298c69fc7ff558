use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use mcp_core::error_code;

use crate::{Error, ErrorKind};

/// How a [`Subscription`](crate::Subscription) that was interrupted is opened again.
///
/// The wait doubles with each attempt in a row, less a random part of up to a half, so that many clients do
/// not come back at once. A subscription that told something, or held for longer than the wait before it, begins
/// anew with the first wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Relisten {
    /// The first wait. Default: 500 ms.
    pub first_wait: Duration,
    /// The longest wait. Default: 30 s.
    pub max_wait: Duration,
    /// How many attempts in a row may fail before the subscription ends with the last error. Default: no
    /// limit.
    pub attempts: Option<u32>,
}

impl Default for Relisten {
    fn default() -> Self {
        let (first_wait, max_wait) = (Duration::from_millis(500), Duration::from_secs(30));
        Self { first_wait, max_wait, attempts: None }
    }
}

impl Relisten {
    /// The wait after so many attempts in a row.
    pub(super) fn wait(&self, attempts: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempts).unwrap_or(u32::MAX);
        let full = self.first_wait.saturating_mul(factor).min(self.max_wait);
        // A hasher with fresh keys is all the randomness that this needs.
        let random = RandomState::new().hash_one(attempts) % 1024;
        full - full / 2 * u32::try_from(random).unwrap_or_default() / 1024
    }

    /// Whether there is no use in another attempt, after so many in a row that failed.
    pub(super) fn gives_up(&self, failures: u32, error: &Error) -> bool {
        let is_final = match error.kind() {
            // Any other error may be one of a server that is on its way down or up.
            ErrorKind::Answer => error.answer().is_some_and(|answer| {
                matches!(answer.code, error_code::METHOD_NOT_FOUND | error_code::INVALID_PARAMS)
            }),
            ErrorKind::Closed
            | ErrorKind::Unsupported
            | ErrorKind::Arguments
            | ErrorKind::Version
            | ErrorKind::Unauthorized
            | ErrorKind::Redirect
            | ErrorKind::InvalidRequest
            | ErrorKind::Config => true,
            _ => false,
        };
        is_final || self.attempts.is_some_and(|limit| failures >= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_vary() {
        let relisten = Relisten::default();
        for (attempts, full) in [(0, 500), (1, 1000), (5, 16_000), (6, 30_000), (90, 30_000)] {
            let full = Duration::from_millis(full);
            let waits: Vec<_> = (0..50).map(|_| relisten.wait(attempts)).collect();
            assert!(waits.iter().all(|wait| *wait <= full && *wait >= full / 2), "{attempts}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{attempts}");
        }
    }
}

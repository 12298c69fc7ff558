//! Bounded waits: a test fails instead of hanging.

use std::time::Duration;

/// The longest wait of a test.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The interval between checks of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Waits for `future`, for at most 60 s. With tokio's time paused, an endless wait fails at once.
///
/// # Panics
/// After 60 s.
pub async fn within<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future).await.expect("the future completes within 60 s")
}

/// Waits until a condition holds, for at most 60 s. `what` names the condition in the panic message.
///
/// # Panics
/// After 60 s.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    if tokio::time::timeout(TIMEOUT, waiting).await.is_err() {
        panic!("{what}: timed out after {TIMEOUT:?}");
    }
}

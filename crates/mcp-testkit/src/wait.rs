//! Waits that end: a test fails instead of hanging.

use std::time::Duration;

/// How long a test waits for what has to happen.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(2);

/// What `future` gives, in a minute at the most. With tokio's time paused, a wait that nothing ends is over
/// at once.
///
/// # Panics
/// When the minute is over.
pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("it takes less than a minute")
}

/// Waits until a condition holds, for a minute at the most. `what` says in the panic what did not happen.
///
/// # Panics
/// When the minute is over.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(STEP).await;
        }
    };
    if tokio::time::timeout(LIMIT, waiting).await.is_err() {
        panic!("{what}: not within {LIMIT:?}");
    }
}

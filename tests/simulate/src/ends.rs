//! Every wait is bounded.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::world::World;

/// Waits for `future`, which must complete within `limit`. `None`, and a violation, if it does not.
pub(crate) async fn ends<F: Future>(
    world: &World,
    what: &str,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    let started = Instant::now();
    let mut future = Box::pin(world.wakers().track(future));
    // A jump of the clock may pass both limits at once; another turn is enough for the inner one.
    for turn in [limit, Duration::from_secs(60)] {
        if let Ok(output) = timeout(turn, future.as_mut()).await {
            return Some(output);
        }
    }
    world.violation(format!("{what}: not ended after {:?}", started.elapsed()));
    None
}

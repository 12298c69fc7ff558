//! One call and its invariants.

use std::{
    future::IntoFuture,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mcp_session::{Error, Session, Timeout};
use mcp_transport::Delivery;

use crate::{ends::ends, world::World};

/// Maximum number of attempts of a call that was not sent.
const ATTEMPTS: u32 = 3;
/// Tolerance for the end of a call after its limit.
const SLACK: Duration = Duration::from_secs(5);

/// The outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Failed,
    Dropped,
}

/// The progress of one call.
#[derive(Default)]
struct Progress {
    last: f64,
    has_ended: bool,
    faults: Vec<String>,
}

/// Calls the tool `work`, repeated while the call was not sent.
pub(crate) async fn run(world: &World, session: &Session, key: &str) -> Outcome {
    for _ in 0..ATTEMPTS {
        match attempt(world, session, key).await {
            Ended::NotSent => {}
            Ended::As(outcome) => return outcome,
        }
    }
    Outcome::Failed
}

enum Ended {
    /// The caller may retry it.
    NotSent,
    As(Outcome),
}

async fn attempt(world: &World, session: &Session, key: &str) -> Ended {
    let before = world.executions(key);
    let (steps, millis, limit, drop_after) = world.random(|random| {
        let drop_after = random.chance(10).then(|| random.millis(0, 4000));
        let limit = random.between(20, 120);
        (random.between(0, 6), random.between(0, 2500), limit, drop_after)
    });
    let limit = Duration::from_secs(limit);
    let progress = Arc::new(Mutex::new(Progress::default()));
    let seen = Arc::clone(&progress);
    let mut call = session
        .call_tool("work")
        .arg("key", key)
        .arg("steps", steps)
        .arg("ms", millis)
        .timeout(Timeout::idle(limit / 2).with_total(limit));
    if steps > 0 {
        call = call.on_progress(move |step| {
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .follow(step.progress.as_f64().unwrap_or_default());
        });
    }
    world.note(format_args!("{key} is sent, {steps} steps of {millis} ms, limit {limit:?}"));
    let calling = call.into_future();
    let is_dropped = drop_after.is_some_and(|after| !world.state().is_calm && after < limit);
    let called = match drop_after.filter(|_| is_dropped) {
        Some(after) => {
            let tracked = world.wakers().track(calling);
            match tokio::time::timeout(after, tracked).await {
                Ok(called) => Some(called),
                Err(_) => {
                    world.note(format_args!("{key} is dropped"));
                    return Ended::As(Outcome::Dropped);
                }
            }
        }
        None => ends(world, key, limit + SLACK, calling).await,
    };
    let faults = {
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.has_ended = true;
        std::mem::take(&mut progress.faults)
    };
    for fault in faults {
        world.violation(format!("{key}: {fault}"));
    }
    let Some(called) = called else { return Ended::As(Outcome::Failed) };
    let executed = world.executions(key);
    if executed > 1 {
        world.violation(format!("{key}: executed {executed} times"));
    }
    match called {
        Ok(result) => {
            let text = result.text();
            world.note(format_args!("{key} is answered"));
            if text != key {
                world.violation(format!("{key}: answered with {text:?}"));
            }
            if executed == 0 {
                world.violation(format!("{key}: answered without an execution"));
            }
            Ended::As(Outcome::Answered)
        }
        Err(error) => failed(world, key, &error, executed > before),
    }
}

fn failed(world: &World, key: &str, error: &Error, was_executed: bool) -> Ended {
    world.note(format_args!("{key} failed ({:?}): {error}", error.delivery()));
    match error.delivery() {
        Delivery::NotSent => {
            if was_executed {
                world.violation(format!("{key}: executed, but reported as not sent: {error}"));
            }
            Ended::NotSent
        }
        _ => Ended::As(Outcome::Failed),
    }
}

impl Progress {
    fn follow(&mut self, progress: f64) {
        if self.has_ended {
            self.faults.push("progress after the end of the call".to_owned());
        }
        if progress <= self.last {
            self.faults.push(format!("progress {progress} after {}", self.last));
        }
        self.last = progress;
    }
}

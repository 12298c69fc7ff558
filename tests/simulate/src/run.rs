//! Runs one world: its runtimes in sequence, and the checks at its end.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    time::{Instant, advance, sleep},
};

use crate::{app::App, plan::Plan, world::World};

/// Time limit for tasks that outlive the session: the DELETE of a session, cancellations.
const TASKS_LIMIT: u64 = 120;
/// Number of trace lines printed with a failure.
const LAST_LINES: usize = 25;

/// The outcome of a world.
pub(crate) struct Report {
    pub(crate) plan: Plan,
    pub(crate) violations: Vec<String>,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) calls: u64,
    trace: Vec<String>,
}

pub(crate) fn run(seed: u64) -> Report {
    let (plan, random) = Plan::new(seed);
    let world = World::new(plan.clone(), random);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| simulate(&world))) {
        world.violation(format!("panicked: {}", text_of(&*panic)));
    }
    let calls = world.state().executed.values().map(|count| u64::from(*count)).sum();
    let (violations, faults, trace) = (world.violations(), world.faults(), world.trace());
    Report { plan, violations, faults, calls, trace }
}

fn simulate(world: &World) {
    let app = App::new(world);
    let runtimes = world.plan().runtimes;
    let mut now = None;
    for number in 1..=runtimes {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O can be built");
        runtime.block_on(async {
            // The runtimes share one clock, which never goes back.
            let behind = now.map(|now: Instant| now.saturating_duration_since(Instant::now()));
            advance(behind.unwrap_or_default()).await;
            app.live(number).await;
            if number == runtimes {
                app.end().await;
                world.end();
                nothing_is_left(world).await;
            } else {
                app.leave_runtime().await;
            }
            now = Some(Instant::now());
        });
    }
}

/// No task is left, and no waker of a dropped future is held.
async fn nothing_is_left(world: &World) {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    for _ in 0..TASKS_LIMIT {
        if tasks() == 0 {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    if tasks() > 0 {
        world.violation(format!("{} tasks live on after {TASKS_LIMIT} s", tasks()));
    }
    let wakers = world.wakers().left();
    if wakers > 0 {
        world.violation(format!("{wakers} wakers are held"));
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "without a text".to_owned(),
    }
}

impl Report {
    /// Prints a failure with its seed; with `is_traced`, the whole trace.
    pub(crate) fn print(&self, is_traced: bool) {
        if self.violations.is_empty() && !is_traced {
            return;
        }
        let from = self.trace.len().saturating_sub(LAST_LINES);
        let trace = if is_traced { &self.trace[..] } else { &self.trace[from..] };
        println!("{:?}", self.plan);
        trace.iter().for_each(|line| println!("{line}"));
        for violation in &self.violations {
            println!("seed {}: {violation}", self.plan.seed);
        }
        if !self.violations.is_empty() {
            println!("seed {} FAILED: {}", self.plan.seed, self.plan.repeat());
        }
    }
}

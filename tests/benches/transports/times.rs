//! The table of times.

use std::time::Duration;

use crate::measure::{Case, Load, Measured, Side, TOOLS, run, runtime};

/// Number of rounds, of which the fastest counts: noise only slows down.
const ROUNDS: usize = 5;

pub(crate) fn table(only: &[&str]) {
    println!(
        "{:<10} {:<6} {:>10} {:>10} {:>6} {:>10} {:>6} {:>16} {:>16}",
        "carrier",
        "load",
        "calls/s",
        "floor",
        "time x",
        "smallest",
        "time x",
        "p50 us (floor)",
        "p99 us (floor)"
    );
    for case in Case::all().filter(|case| case.is_asked(only)) {
        let calls = match case.load {
            Load::One => 5_000,
            Load::Many => 64 * 300,
            Load::Mib1 => 200,
            Load::Mib10 => 20,
            Load::List => TOOLS * 200,
        };
        // Alternating, so that all sides have the same conditions.
        let (mut ours, mut floor, mut smallest) = (None, None, None);
        for _ in 0..ROUNDS {
            better(&mut ours, runtime().block_on(run(case, Side::Ours, calls)));
            better(&mut floor, runtime().block_on(run(case, Side::Floor, calls)));
            if case.has_smallest() {
                better(&mut smallest, runtime().block_on(run(case, Side::Smallest, calls)));
            }
        }
        let (ours, floor) = (ours.unwrap(), floor.unwrap());
        let (smallest, smallest_x) = match smallest {
            Some(it) => (format!("{:.0}", it.rate()), format!("{:.2}", it.rate() / ours.rate())),
            None => Default::default(),
        };
        println!(
            "{:<10} {:<6} {:>10.0} {:>10.0} {:>6.2} {smallest:>10} {smallest_x:>6} {:>16} {:>16}",
            case.carrier.name(),
            case.load.name(),
            ours.rate(),
            floor.rate(),
            floor.rate() / ours.rate(),
            format!("{:.1} ({:.1})", ours.percentile(50), floor.percentile(50)),
            format!("{:.1} ({:.1})", ours.percentile(99), floor.percentile(99)),
        );
    }
}

fn better(best: &mut Option<Measured>, measured: Measured) {
    if best.as_ref().is_none_or(|best| measured.rate() > best.rate()) {
        *best = Some(measured);
    }
}

impl Measured {
    fn rate(&self) -> f64 {
        self.calls.len() as f64 / self.total.as_secs_f64()
    }

    /// In microseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let mut calls = self.calls.clone();
        calls.sort_unstable();
        let at = (calls.len() * percent / 100).min(calls.len() - 1);
        calls[at].div_duration_f64(Duration::from_micros(1))
    }
}

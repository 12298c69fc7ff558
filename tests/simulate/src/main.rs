//! Simulates sessions: `simulate [--seeds N] [--from SEED] [--seed SEED]`.
//!
//! Each seed is a world: a server, a carrier with faults, and an application. Over HTTP, most worlds have
//! the client's pool and connections of HTTP/1.1 or HTTP/2. It runs in tokio's paused time, so that hours pass in
//! milliseconds and a seed is reproducible. A world that violates an invariant prints its seed; `--seed` runs one world
//! and prints all its events.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod app;
mod body;
mod call;
mod ends;
mod exchange;
mod front;
mod http2;
mod log;
mod network;
mod options;
mod pipe;
mod plan;
mod random;
mod run;
mod server;
mod sse;
mod streamable;
mod subscriber;
mod tracked;
mod wire;
mod world;

use std::{collections::BTreeMap, process::ExitCode, sync::Mutex, time::Instant};

use options::Options;
use run::Report;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            println!("simulate: {error}");
            return ExitCode::from(2);
        }
    };
    let started = Instant::now();
    let seeds = Mutex::new(options.seeds.clone());
    let next = || seeds.lock().expect("no thread panics with the lock").next();
    let reports = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    let report = run::run(seed);
                    reports.lock().expect("no thread panics with the lock").push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner().expect("no thread panics with the lock");
    reports.sort_by_key(|report| report.plan.seed);
    for report in &reports {
        report.print(options.is_traced);
    }
    summarize(&reports, started)
}

/// Prints the totals. Fails if a world failed.
fn summarize(reports: &[Report], started: Instant) -> ExitCode {
    let mut faults = BTreeMap::<&str, u64>::new();
    for (what, count) in reports.iter().flat_map(|report| &report.faults) {
        *faults.entry(what).or_default() += count;
    }
    for (what, count) in &faults {
        println!("  {count:>7} {what}");
    }
    let calls: u64 = reports.iter().map(|report| report.calls).sum();
    let failed = reports.iter().filter(|report| !report.violations.is_empty()).count();
    let injected: u64 = faults.values().sum();
    let (worlds, seconds) = (reports.len(), started.elapsed().as_secs_f64());
    println!(
        "simulate: {worlds} worlds, {calls} executions, {injected} faults, {failed} failed, in {seconds:.1} s"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

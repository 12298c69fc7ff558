//! Tasks of the repository: `cargo xtask TASK`.
//!
//! A task prints each command it runs, ends with one closing line (`xtask test: ok in 81 s`), and
//! exits with a code other than 0 when something failed. It needs only Rust, and what it says it
//! misses.
#![allow(clippy::print_stdout, reason = "the tasks talk to a person at a terminal")]

mod bench;
mod ci;
mod conformance;
mod deny;
mod fuzz;
mod hack;
mod lint;
mod metadata;
mod msrv;
mod peers;
mod run;
mod setup;
mod size;
mod test;
mod tidy;
mod windows;

use std::process::ExitCode;
use std::time::Instant;

use run::{Result, root};

/// What a task is called, what it takes and does, and how it runs.
struct Task {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result,
}

const TASKS: &[Task] = &[
    task("setup", "installs the pinned peers into .peers/", setup::run),
    task("test", "[--no-peers] [-- ARGS] runs every test, installing the peers first", test::run),
    task(
        "conformance",
        "[--server] [--suite S] [--scenario S] [--wire W] [--repeat N] runs the official suite",
        conformance::run,
    ),
    task("lint", "formatting, clippy and the documentation, without a warning", lint::run),
    task("tidy", "the rules of the repository that no compiler checks", tidy::run),
    task("hack", "every feature of every crate alone; what each pulls in", hack::run),
    task("msrv", "the oldest supported Rust builds the crates", msrv::run),
    task("windows", "type-checks the workspace for Windows", windows::run),
    task("deny", "licences, sources and duplicates of dependencies", deny::run),
    task(
        "bench",
        "[--instructions] [ARGS] measures the transports beside their floors",
        bench::run,
    ),
    task("size", "how many crates and bytes a small client takes", size::run),
    task(
        "fuzz",
        "[TARGET] [--time 60s] [--corpus] fuzzes the decoders of foreign bytes",
        fuzz::run,
    ),
    task(
        "ci",
        "all of the above but bench and size; of fuzz the committed inputs, with a summary",
        ci::run,
    ),
];

const fn task(name: &'static str, about: &'static str, run: fn(&[String]) -> Result) -> Task {
    Task { name, about, run }
}

impl Task {
    /// Runs the task and prints its closing line.
    fn perform(&self, args: &[String]) -> Result {
        let start = Instant::now();
        let result = (self.run)(args);
        let seconds = start.elapsed().as_secs();
        match &result {
            Ok(()) => println!("xtask {}: ok in {seconds} s", self.name),
            Err(error) => println!("xtask {}: FAILED after {seconds} s: {error}", self.name),
        }
        result
    }
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        println!("usage: cargo xtask TASK\n");
        for Task { name, about, .. } in TASKS {
            println!("  {name:<11} {about}");
        }
        return ExitCode::from(2);
    };
    if let Err(error) = std::env::set_current_dir(root()) {
        println!("xtask {name}: FAILED: cannot enter {}: {error}", root().display());
        return ExitCode::FAILURE;
    }
    match task.perform(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

//! Tasks of the repository: `cargo xtask TASK`.
//!
//! A task prints each command that it runs, ends with a summary line (`xtask test: ok in 81 s`), and exits with
//! a non-zero code on failure. It needs only Rust; it reports any other missing program.
#![allow(clippy::print_stdout, reason = "the tasks print to a terminal")]

mod bench;
mod ci;
mod conformance;
mod deny;
mod figures;
mod fuzz;
mod hack;
mod interop;
mod lint;
mod llms;
mod man;
mod metadata;
mod msrv;
mod package;
mod peers;
mod release;
mod run;
mod semver;
mod setup;
mod simulate;
mod size;
mod soak;
mod test;
mod tidy;
mod windows;

use std::process::ExitCode;
use std::time::Instant;

use run::{Result, root};

/// A task with its name, description and implementation.
struct Task {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result,
}

const TASKS: &[Task] = &[
    task("setup", "installs the pinned peers into .peers/", setup::run),
    task("test", "[--no-peers] [-- ARGS] installs the peers and runs every test", test::run),
    task(
        "conformance",
        "[--server] [--suite S] [--scenario S] [--wire W] [--repeat N] runs the official suite",
        conformance::run,
    ),
    task("lint", "checks formatting, clippy and documentation for warnings", lint::run),
    task("tidy", "checks the rules of the repository that no compiler checks", tidy::run),
    task("llms", "writes llms.txt, the index of the documentation", llms::run),
    task("man", "[FOLDER] writes the manual pages of `mcp` into target/man/", man::run),
    task("hack", "checks every feature alone, and the dependencies of each", hack::run),
    task("msrv", "builds the crates with the oldest supported Rust", msrv::run),
    task(
        "windows",
        "[--test] type-checks for Windows, and runs the tests under Wine",
        windows::run,
    ),
    task("deny", "checks licences, sources and duplicates of dependencies", deny::run),
    task("package", "packages every published crate with its README and licences", package::run),
    task(
        "semver",
        "[--base REV] [CRATE…] compares the public API with that of the base",
        semver::run,
    ),
    task("release", "[VERSION] checks versions, changelog and tag of a release", release::run),
    task(
        "bench",
        "[--memory|--instructions [--check|--bless|--rivals]] [ARGS] measures the transports next to their lower bounds",
        bench::run,
    ),
    task(
        "size",
        "[--check|--bless] measures the crates and bytes of a small client, and the command",
        size::run,
    ),
    task(
        "fuzz",
        "[TARGET] [--time 60s] [--corpus] fuzzes the decoders of foreign bytes",
        fuzz::run,
    ),
    task(
        "simulate",
        "[--seeds N] [--from SEED] [--seed SEED] runs sessions in simulated worlds",
        simulate::run,
    ),
    task(
        "soak",
        "[--for 10m] connects, calls, cancels and kills; fails unless resources stay flat",
        soak::run,
    ),
    task(
        "ci",
        "runs all of the above except llms, semver, release and size, the check of bench, and fuzz on its corpus, with a summary",
        ci::run,
    ),
];

const fn task(name: &'static str, about: &'static str, run: fn(&[String]) -> Result) -> Task {
    Task { name, about, run }
}

impl Task {
    /// Runs the task and prints its summary line.
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
        println!("xtask {name}: FAILED: cannot change to {}: {error}", root().display());
        return ExitCode::FAILURE;
    }
    match task.perform(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

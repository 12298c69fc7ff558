//! `ci`: all checks that must pass.

use std::time::Instant;

use crate::TASKS;
use crate::run::Result;

/// The tasks in order with their arguments, fast ones first. All are run, even if one fails.
const ORDER: &[(&str, &[&str])] = &[
    ("tidy", &[]),
    ("lint", &[]),
    ("test", &[]),
    ("simulate", &["--seeds", "500"]),
    ("soak", &["--for", "30s"]),
    ("conformance", &[]),
    ("hack", &[]),
    ("windows", &[]),
    ("msrv", &[]),
    ("deny", &[]),
    ("package", &[]),
    ("fuzz", &["--corpus"]),
];

pub(crate) fn run(_: &[String]) -> Result {
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for (name, args) in ORDER {
        println!("\n== {name}");
        let task = TASKS.iter().find(|task| task.name == *name);
        let task = task.ok_or_else(|| format!("no task {name}"))?;
        let start = Instant::now();
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let outcome = match task.perform(&args) {
            Ok(()) => "ok",
            Err(_) => {
                failed.push(*name);
                "FAILED"
            }
        };
        lines.push(format!("  {name:<11} {outcome:<7} {:>5} s", start.elapsed().as_secs()));
    }
    println!("\n{}", lines.join("\n"));
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed.join(", ")),
    }
}

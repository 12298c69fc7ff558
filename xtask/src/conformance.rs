//! `conformance`: runs the official conformance suite against the client, one scenario at a time. With `--server`,
//! runs it against the server and reports what passes.
//!
//! Strict: each scenario is a separate run, which fails if the client exits with an error or takes too long, or if
//! nothing was checked.

mod catalogue;
mod options;
mod outcome;
mod subject;
mod suite;

use std::time::Instant;

use crate::metadata::Workspace;
use crate::run::Result;
use crate::setup;
use catalogue::Entry;
use options::Options;
use subject::Subject;
use suite::Suite;

pub(crate) fn run(args: &[String]) -> Result {
    let options = Options::parse(args)?;
    if let Some(missing) = setup::install_peer("conformance")? {
        return setup::report(&[missing]);
    }
    let workspace = Workspace::load()?;
    let subject = match options.server {
        true => Subject::server(&workspace)?,
        false => Subject::client(&workspace)?,
    };
    let suite = Suite::new(subject, &workspace.target);
    let entries = suite.catalogue()?;
    let chosen = options.choose(&entries);
    if chosen.is_empty() {
        return Err("the suite has no such scenario for this revision".to_owned());
    }
    println!("\n{}", row("scenario", "wire", "passed", "failed", "outcome", "seconds"));
    let mut failed = 0;
    for entry in &chosen {
        failed += usize::from(!passes(&suite, entry, options.repeat)?);
    }
    let excluded = entries.iter().filter(|entry| options.excludes(entry)).count();
    if excluded > 0 {
        let kind = match options.server {
            true => "features that the server does not offer",
            false => "auth/*",
        };
        println!("\nnot run: {excluded} runs of {kind} (`--suite all` runs them)");
    }
    println!("\n{} of {} passed", chosen.len() - failed, chosen.len());
    match failed {
        // Many scenarios need features that a small server does not offer.
        _ if options.server => Ok(()),
        0 => Ok(()),
        failed => Err(format!("{failed} of {} failed", chosen.len())),
    }
}

/// Runs a scenario `repeat` times, and prints the outcome. Returns whether all runs passed.
fn passes(suite: &Suite, entry: &Entry, repeat: usize) -> Result<bool> {
    let start = Instant::now();
    let mut passed_runs = 0;
    let mut problems = Vec::new();
    let (mut passed, mut failed) = (0, 0);
    for _ in 0..repeat {
        let outcome = suite.run(entry)?;
        passed_runs += usize::from(outcome.passes());
        passed += outcome.passed;
        failed += outcome.failed;
        if problems.is_empty() {
            problems = outcome.problems;
        }
    }
    let outcome = match (passed_runs == repeat, repeat) {
        (true, 1) => "ok".to_owned(),
        (false, 1) => "FAILED".to_owned(),
        _ => format!("{passed_runs}/{repeat}"),
    };
    let seconds = format!("{:.1}", start.elapsed().as_secs_f32());
    let (passed, failed) = (passed.to_string(), failed.to_string());
    println!("{}", row(&entry.scenario, &entry.wire, &passed, &failed, &outcome, &seconds));
    for problem in problems {
        println!("    {problem}");
    }
    Ok(passed_runs == repeat)
}

fn row(
    scenario: &str,
    wire: &str,
    passed: &str,
    failed: &str,
    outcome: &str,
    secs: &str,
) -> String {
    format!("{scenario:<46} {wire:<10} {passed:>6} {failed:>6}  {outcome:<7} {secs:>7}")
}

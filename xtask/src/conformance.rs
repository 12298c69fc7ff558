//! `conformance`: the official conformance suite against our client, one scenario at a time; with
//! `--server` against our server, to show what passes.
//!
//! Strict: each scenario is a run of its own, for which the suite counts what the client exits with
//! and how long it takes; and where nothing was checked, nothing has passed.

mod catalogue;
mod judged;
mod options;
mod suite;
mod verdict;

use std::time::Instant;

use crate::metadata::Workspace;
use crate::run::Result;
use crate::setup;
use catalogue::Entry;
use judged::Judged;
use options::Options;
use suite::Suite;

pub(crate) fn run(args: &[String]) -> Result {
    let options = Options::parse(args)?;
    if let Some(missing) = setup::install_peer("conformance")? {
        return setup::report(&[missing]);
    }
    let workspace = Workspace::load()?;
    let judged = match options.server {
        true => Judged::server(&workspace)?,
        false => Judged::client(&workspace)?,
    };
    let suite = Suite::new(judged, &workspace.target);
    let entries = suite.catalogue()?;
    let chosen = options.choose(&entries);
    if chosen.is_empty() {
        return Err("the suite has no such scenario at such a wire".to_owned());
    }
    println!("\n{}", row("scenario", "wire", "passed", "failed", "verdict", "seconds"));
    let mut failed = 0;
    for entry in &chosen {
        failed += usize::from(!passes(&suite, entry, options.repeat)?);
    }
    let left = entries.iter().filter(|entry| options.leaves_out(entry)).count();
    if left > 0 {
        let (what, how) = match options.server {
            true => ("what our server does not offer", "all"),
            false => ("auth/*", "all"),
        };
        println!("\nnot run: {left} runs of {what} (`--suite {how}` runs them)");
    }
    println!("\n{} of {} passed", chosen.len() - failed, chosen.len());
    match failed {
        // Much of what is asked of a server is not what a small one is for.
        _ if options.server => Ok(()),
        0 => Ok(()),
        failed => Err(format!("{failed} of {} failed", chosen.len())),
    }
}

/// Runs a scenario as often as asked, and prints what came of it.
fn passes(suite: &Suite, entry: &Entry, repeat: usize) -> Result<bool> {
    let start = Instant::now();
    let mut good = 0;
    let mut complaints = Vec::new();
    let (mut passed, mut failed) = (0, 0);
    for _ in 0..repeat {
        let verdict = suite.run(entry)?;
        good += usize::from(verdict.passes());
        passed += verdict.passed;
        failed += verdict.failed;
        if complaints.is_empty() {
            complaints = verdict.complaints;
        }
    }
    let verdict = match (good == repeat, repeat) {
        (true, 1) => "ok".to_owned(),
        (false, 1) => "FAILED".to_owned(),
        _ => format!("{good}/{repeat}"),
    };
    let seconds = format!("{:.1}", start.elapsed().as_secs_f32());
    let (passed, failed) = (passed.to_string(), failed.to_string());
    println!("{}", row(&entry.scenario, &entry.wire, &passed, &failed, &verdict, &seconds));
    for complaint in complaints {
        println!("    {complaint}");
    }
    Ok(good == repeat)
}

fn row(
    scenario: &str,
    wire: &str,
    passed: &str,
    failed: &str,
    verdict: &str,
    secs: &str,
) -> String {
    format!("{scenario:<46} {wire:<10} {passed:>6} {failed:>6}  {verdict:<7} {secs:>7}")
}

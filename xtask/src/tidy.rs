//! `tidy`: the rules of the repository that no compiler checks.

mod arrows;
mod circles;
mod features;
mod files;

use crate::metadata::Workspace;
use crate::run::Result;

/// What a check finds wrong, a sentence each.
type Slips = Result<Vec<String>>;

type Check = fn(&Workspace) -> Slips;

pub(crate) fn run(_: &[String]) -> Result {
    let workspace = Workspace::load()?;
    let checks: [(&str, Check); 7] = [
        ("arrows between crates", arrows::check),
        ("versions of our crates", arrows::versions),
        ("circles of imports", circles::check),
        ("features and their docs", features::check),
        ("one minimum Rust version", files::rust_version),
        ("the top folder", files::top),
        ("words that stay out", files::words),
    ];
    let mut slips = 0;
    for (what, check) in checks {
        let found = check(&workspace)?;
        println!("{what}: {}", if found.is_empty() { "ok" } else { "FAILED" });
        for slip in &found {
            println!("  {slip}");
        }
        slips += found.len();
    }
    match slips {
        0 => Ok(()),
        slips => Err(format!("{slips} slips")),
    }
}

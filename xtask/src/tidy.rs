//! `tidy`: checks the rules of the repository that no compiler checks.

mod arrows;
mod cycles;
mod docs;
mod features;
mod files;

use crate::metadata::Workspace;
use crate::run::Result;

/// The violations found by a check, one sentence each.
type Violations = Result<Vec<String>>;

type Check = fn(&Workspace) -> Violations;

pub(crate) fn run(_: &[String]) -> Result {
    let workspace = Workspace::load()?;
    let checks: [(&str, Check); 8] = [
        ("dependencies between crates", arrows::check),
        ("versions of workspace dependencies", arrows::versions),
        ("import cycles", cycles::check),
        ("documentation of features", features::check),
        ("documentation outside the code", docs::check),
        ("one minimum Rust version", files::rust_version),
        ("files of the root directory", files::root_directory),
        ("forbidden words", files::words),
    ];
    let mut violations = 0;
    for (name, check) in checks {
        let found = check(&workspace)?;
        println!("{name}: {}", if found.is_empty() { "ok" } else { "FAILED" });
        for violation in &found {
            println!("  {violation}");
        }
        violations += found.len();
    }
    match violations {
        0 => Ok(()),
        violations => Err(format!("{violations} violations")),
    }
}

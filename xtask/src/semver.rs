//! `semver`: compares the public API of the crates with that of another commit.

use std::process::Command;

use crate::metadata::Workspace;
use crate::run::{self, Result, cargo, command, output, succeeds};

/// The version of `cargo-semver-checks` that is installed if it is missing.
const VERSION: &str = "0.51.0";

/// The branches that a change is compared with by default: the first that exists.
const BASES: &[&str] = &["origin/main", "main"];

/// `[--base REV] [CRATE…]`: the base is the last common commit with `REV`. Default: all published crates, and the
/// main branch.
pub(crate) fn run(args: &[String]) -> Result {
    let (base, crates) = match args {
        [flag, base, crates @ ..] if flag == "--base" => (Some(base.as_str()), crates),
        crates => (None, crates),
    };
    if let Some(option) = crates.iter().find(|it| it.starts_with('-')) {
        return Err(format!(
            "unknown option {option}; usage: cargo xtask semver [--base REV] [CRATE…]"
        ));
    }
    run::tool("semver-checks", VERSION)?;
    let base = merge_base(base)?;
    let mut check = cargo("semver-checks check-release --baseline-rev");
    check.arg(&base);
    for name in selected(crates)? {
        check.args(["--package", &name]);
    }
    run::run(&mut check)
}

/// The crates to be compared.
fn selected(crates: &[String]) -> Result<Vec<String>> {
    if !crates.is_empty() {
        return Ok(crates.to_vec());
    }
    let packages = Workspace::load()?.packages;
    Ok(packages.into_iter().filter(|it| it.published).map(|it| it.name).collect())
}

/// The last common commit of this branch and its base.
fn merge_base(base: Option<&str>) -> Result<String> {
    let exists = |name: &&str| succeeds(command("git", "rev-parse --verify --quiet").arg(name));
    let base = match base {
        Some(base) => base,
        None => BASES.iter().copied().find(exists).ok_or("no main branch: name one with --base")?,
    };
    let mut git: Command = command("git", "merge-base HEAD");
    Ok(output(git.arg(base))?.trim().to_owned())
}

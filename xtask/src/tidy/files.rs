//! The names and contents of the files of the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Violations;
use crate::metadata::Workspace;
use crate::msrv;
use crate::run::{command, output, read};

/// The exact contents of the root directory.
const ROOT_ENTRIES: &[&str] = &[
    ".cargo",
    ".ci",
    ".github",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "crates",
    "deny.toml",
    "docs",
    "examples",
    "fuzz",
    "llms.txt",
    "rustfmt.toml",
    "tests",
    "xtask",
];

/// Entries of the root directory that are not part of the repository.
const IGNORED: &[&str] = &[".git", ".peers", "target"];

/// Directories of a machine, and hosts of registries. Split, so that this file passes the check.
const WORDS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("registry.npm", "js.org"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("deb.deb", "ian.org"),
];

/// Only the root manifest declares the minimum Rust version, and every package inherits it.
pub(crate) fn rust_version(workspace: &Workspace) -> Violations {
    msrv::declared(&read("Cargo.toml")?)?;
    let mut violations = Vec::new();
    for package in &workspace.packages {
        let manifest = read(&package.manifest)?;
        let lines: Vec<&str> =
            manifest.lines().filter(|line| line.starts_with("rust-version")).collect();
        if lines != ["rust-version.workspace = true"] {
            violations.push(format!("{} does not inherit rust-version", package.name));
        }
    }
    Ok(violations)
}

/// The root directory has exactly the expected entries.
pub(crate) fn root_directory(_: &Workspace) -> Violations {
    let entries = fs::read_dir(".").map_err(|error| error.to_string())?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let found: BTreeSet<String> = names.filter(|name| !IGNORED.contains(&name.as_str())).collect();
    let expected: BTreeSet<String> = ROOT_ENTRIES.iter().map(|name| (*name).to_owned()).collect();
    let unexpected = found.difference(&expected).map(|name| format!("{name} is unexpected"));
    let missing = expected.difference(&found).map(|name| format!("{name} is missing"));
    Ok(unexpected.chain(missing).collect())
}

/// No file that is tracked by git, or would be added, names a directory of a machine or a host of a registry.
pub(crate) fn words(_: &Workspace) -> Violations {
    let files = output(&mut command("git", "ls-files --cached --others --exclude-standard"))?;
    let mut violations = Vec::new();
    for file in files.lines() {
        // Deleted but not yet committed, or not text.
        let Ok(text) = fs::read_to_string(Path::new(file)) else {
            continue;
        };
        let found = WORDS.iter().filter(|word| text.contains(**word));
        violations.extend(found.map(|word| format!("{file} contains {word}")));
    }
    Ok(violations)
}

//! What the files of the repository may be called and hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Slips;
use crate::metadata::Workspace;
use crate::msrv;
use crate::run::{command, output, read};

/// What the top folder holds, no more and no less.
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "crates",
    "deny.toml",
    "examples",
    "fuzz",
    "rustfmt.toml",
    "tests",
    "xtask",
];

/// What git or `.gitignore` keeps out of it.
const IGNORED: &[&str] = &[".git", ".peers", "target"];

/// Folders of one machine and hosts of registries. Split, so that this file passes.
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

/// Only the root manifest declares the minimum Rust version; every package inherits it.
pub(crate) fn rust_version(workspace: &Workspace) -> Slips {
    msrv::declared(&read("Cargo.toml")?)?;
    let mut slips = Vec::new();
    for package in &workspace.packages {
        let manifest = read(&package.manifest)?;
        let lines: Vec<&str> =
            manifest.lines().filter(|line| line.starts_with("rust-version")).collect();
        if lines != ["rust-version.workspace = true"] {
            slips.push(format!("{} does not inherit rust-version", package.name));
        }
    }
    Ok(slips)
}

/// The top folder holds exactly what it should.
pub(crate) fn top(_: &Workspace) -> Slips {
    let entries = fs::read_dir(".").map_err(|error| error.to_string())?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let found: BTreeSet<String> = names.filter(|name| !IGNORED.contains(&name.as_str())).collect();
    let wanted: BTreeSet<String> = TOP.iter().map(|name| (*name).to_owned()).collect();
    let surplus = found.difference(&wanted).map(|name| format!("{name} does not belong there"));
    let absent = wanted.difference(&found).map(|name| format!("{name} is missing"));
    Ok(surplus.chain(absent).collect())
}

/// No file that git knows, or would, names a machine's folder or a registry's host.
pub(crate) fn words(_: &Workspace) -> Slips {
    let files = output(&mut command("git", "ls-files --cached --others --exclude-standard"))?;
    let mut slips = Vec::new();
    for file in files.lines() {
        // A file deleted but not yet committed, or one that is not text.
        let Ok(text) = fs::read_to_string(Path::new(file)) else {
            continue;
        };
        let found = WORDS.iter().filter(|word| text.contains(**word));
        slips.extend(found.map(|word| format!("{file} says {word}")));
    }
    Ok(slips)
}

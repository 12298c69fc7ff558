//! `hack`: checks every feature alone, and the dependencies of the features of the facade.

use crate::metadata::{Package, Workspace};
use crate::run::{self, Result, cargo, output};

/// The version of `cargo-hack` that is installed if it is missing.
const VERSION: &str = "0.6.46";

/// Crates for HTTP or TLS. Without `http`, which has only types and is always a dependency.
const HTTP: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "h2",
    "hyper",
    "hyper-rustls",
    "hyper-util",
    "mcp-http",
    "mcp-transport-http",
    "mcp-transport-sse",
    "native-tls",
    "openssl",
    "reqwest",
    "ring",
    "rustls",
    "rustls-platform-verifier",
    "tokio-rustls",
    "webpki-roots",
];

/// Crates that start processes.
const PROCESS: &[&str] = &[
    "command-group",
    "mcp-transport-stdio",
    "process-wrap",
    "signal-hook-registry",
    "tokio-process-stream",
    "which",
];

pub(crate) fn run(_: &[String]) -> Result {
    check_dependencies()?;
    run::tool("hack", VERSION)?;
    let packages = Workspace::load()?.packages;
    let private = private_features(&packages).join(",");
    let mut check = cargo("hack check --each-feature --keep-going");
    // Programs and tests of the workspace have no users with other features: `lint` checks them.
    for package in packages.iter().filter(|package| package.published) {
        check.args(["--package", &package.name]);
    }
    if !private.is_empty() {
        check.args(["--exclude-features", &private]);
    }
    run::run(&mut check)
}

/// The features that only other features enable.
fn private_features(packages: &[Package]) -> Vec<String> {
    let features = packages.iter().flat_map(|package| package.features.iter().cloned());
    features.filter(|feature| feature.starts_with('_')).collect()
}

/// Checks that a client with one feature has only the dependencies that it needs.
fn check_dependencies() -> Result {
    absent("stdio", &[HTTP])?;
    absent("http", &[PROCESS])?;
    absent("sse", &[PROCESS])?;
    absent("memory", &[HTTP, PROCESS])?;
    absent("config", &[HTTP, PROCESS])
}

/// Checks that none of the unwanted crates is a dependency of the facade with only this feature, on any target.
fn absent(feature: &str, unwanted: &[&[&str]]) -> Result {
    let tree = "tree --package mcp-client --no-default-features --edges normal --target all \
                --prefix none --format {p} --features";
    let tree = output(cargo(tree).arg(feature))?;
    let mut crates: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    crates.sort_unstable();
    crates.dedup();
    println!("mcp-client with only `{feature}`: {} crates", crates.len());
    let found: Vec<&str> =
        unwanted.concat().into_iter().filter(|name| crates.contains(name)).collect();
    match found.is_empty() {
        true => Ok(()),
        false => Err(format!("mcp-client with only `{feature}` depends on {}", found.join(", "))),
    }
}

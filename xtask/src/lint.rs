//! `lint`: formatting, clippy and documentation.

use crate::run::{self, Result, cargo};

/// Runs all checks, even if one fails.
pub(crate) fn run(_: &[String]) -> Result {
    let mut doc = cargo("doc --workspace --all-features --no-deps");
    doc.env("RUSTDOCFLAGS", "-D warnings");
    let mut commands = [
        cargo("fmt --all --check"),
        cargo("fmt --check --manifest-path tests/peers/rmcp/Cargo.toml"),
        cargo("clippy --workspace --all-targets --all-features -- -D warnings"),
        doc,
    ];
    let failed: Vec<String> =
        commands.iter_mut().filter_map(|command| run::run(command).err()).collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed.join("; ")),
    }
}

//! `msrv`: the oldest Rust that the root manifest promises builds the crates.

use crate::run::{self, Result, cargo, command, read, succeeds};

pub(crate) fn run(_: &[String]) -> Result {
    let version = declared(&read("Cargo.toml")?)?;
    let rustup = |args: &str| command("rustup", &args.replace("VERSION", &version));
    let there = || succeeds(&mut rustup("run VERSION rustc --version"));
    if !there() {
        let install = "toolchain install VERSION --profile minimal --no-self-update";
        if let Err(error) = run::run(&mut rustup(install)) {
            println!("Rust {version} cannot be installed here: {error}");
        }
    }
    if there() {
        // A folder of its own: two compilers in one would undo each other's work.
        let check = "run VERSION cargo check --workspace --all-features --target-dir target/msrv";
        return run::run(&mut rustup(check));
    }
    println!("checking instead, with the current Rust, that nothing newer than {version} is used");
    let lint = "clippy --workspace --all-features -- -D clippy::incompatible_msrv";
    run::run(&mut cargo(lint))
}

/// The `rust-version` of the root manifest: the one place where it stands.
pub(crate) fn declared(manifest: &str) -> Result<String> {
    manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .ok_or_else(|| "the root Cargo.toml has no rust-version".to_owned())
}

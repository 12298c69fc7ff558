//! `msrv`: builds the crates with the oldest Rust that the root manifest declares.

use crate::run::{self, Result, cargo, command, read, succeeds};

pub(crate) fn run(_: &[String]) -> Result {
    let version = declared(&read("Cargo.toml")?)?;
    let rustup = |args: &str| command("rustup", &args.replace("VERSION", &version));
    let is_installed = || succeeds(&mut rustup("run VERSION rustc --version"));
    if !is_installed() {
        let install = "toolchain install VERSION --profile minimal --no-self-update";
        if let Err(error) = run::run(&mut rustup(install)) {
            println!("cannot install Rust {version}: {error}");
        }
    }
    if is_installed() {
        // A separate target directory: two compilers in one would invalidate each other's results.
        let check = "run VERSION cargo check --workspace --all-features --target-dir target/msrv";
        return run::run(&mut rustup(check));
    }
    println!("checking with the current Rust that no API newer than {version} is used");
    let lint = "clippy --workspace --all-features -- -D clippy::incompatible_msrv";
    run::run(&mut cargo(lint))
}

/// The `rust-version` of the root manifest, the only place that declares it.
pub(crate) fn declared(manifest: &str) -> Result<String> {
    manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .ok_or_else(|| "the root Cargo.toml has no rust-version".to_owned())
}

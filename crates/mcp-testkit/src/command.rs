use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The environment variable that names a directory with the programs.
const BUILT: &str = "MCP_TESTKIT_PEERS";

/// The path of the contract peer as a program: newline-delimited JSON on its standard streams.
///
/// It is built by cargo on the first use in a process. If the environment variable `MCP_TESTKIT_PEERS` is set, it is
/// the directory of programs that were built before, for machines without cargo.
///
/// # Panics
/// If the program cannot be built.
pub fn contract_peer_command() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| program("contract-peer")).clone()
}

/// The path of the hostile peer as a program, whose arguments are its script; see
/// [`hostile`](crate::hostile). It is built like [`contract_peer_command`].
///
/// # Panics
/// If the program cannot be built.
pub fn hostile_peer_command() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| program("hostile-peer")).clone()
}

fn program(name: &str) -> PathBuf {
    let folder = match std::env::var_os(BUILT) {
        Some(folder) => PathBuf::from(folder),
        None => build(name),
    };
    folder.join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

/// Builds a program of this package into the target directory of the running test, and returns its directory. Always
/// calls cargo, so that the program is up to date.
fn build(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of a running test is known");
    // <target>/<profile>/deps/<test>, or without deps for an example.
    let folder = test.parent().expect("a file has a parent directory");
    let folder = match folder.ends_with("deps") || folder.ends_with("examples") {
        true => folder.parent().unwrap_or(folder),
        false => folder,
    };
    let target = folder.parent().expect("the directory of a profile is in the target directory");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--profile", profile, "--bin", name, "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(target)
        .status()
        .expect("cargo runs");
    assert!(built.success(), "cargo could not build {name}");
    folder.to_owned()
}

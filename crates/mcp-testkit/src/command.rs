use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The contract peer as a program that speaks newline-delimited JSON on its standard streams; built on
/// the first use in a process.
///
/// # Panics
/// When the program cannot be built.
pub fn contract_peer_command() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build("contract-peer")).clone()
}

/// The program that misbehaves as its arguments say, see [`hostile`](crate::hostile); built on the first
/// use in a process.
///
/// # Panics
/// When the program cannot be built.
pub fn hostile_peer_command() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build("hostile-peer")).clone()
}

/// Builds a program of this package beside the test that runs. Always, so that it is never an old one;
/// where nothing has changed this takes a moment.
fn build(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test knows its own path");
    // <target>/<profile>/deps/<test>, or without deps for an example.
    let folder = test.parent().expect("a file stands in a folder");
    let folder = match folder.ends_with("deps") || folder.ends_with("examples") {
        true => folder.parent().unwrap_or(folder),
        false => folder,
    };
    let target = folder.parent().expect("the profile's folder stands in the target folder");
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
    folder.join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

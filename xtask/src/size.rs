//! `size`: the size of a small client, in crates and bytes, and that of the command `mcp`.

use std::fs;
use std::path::Path;

use crate::figures::{self, Committed, Figure, Needs};
use crate::metadata::Workspace;
use crate::run::{self, Result, cargo, output, root};

const FIGURES: &str = "sizes.txt";
const BLESS: &str = "cargo xtask size --bless";

/// The most that the command may take, in bytes.
const LIMIT_OF_COMMAND: u64 = 14_500_000;

/// Minimal programs that list the tools of a server.
const CLIENTS: [Client; 2] = [
    Client { name: "stdio", features: "[\"stdio\"]", target: "mcp_client::Stdio::new(\"server\")" },
    Client {
        name: "https",
        features: "[\"http\", \"tls-ring\", \"tls-platform-roots\"]",
        target: "\"https://example.com/mcp\"",
    },
];

struct Client {
    name: &'static str,
    features: &'static str,
    target: &'static str,
}

/// Prints the sizes. With `--check` those of small clients are compared with the committed ones, which `--bless`
/// replaces.
pub(crate) fn run(args: &[String]) -> Result {
    let target = Workspace::load()?.target;
    let mut sizes = Vec::new();
    for client in &CLIENTS {
        sizes.extend(client.measure(&target)?);
    }
    match args.first().map(String::as_str) {
        Some("--check") => {
            Committed::read(FIGURES, BLESS)?.check(&figures::tools(&Needs::Compiler)?, &sizes)
        }
        Some("--bless") => {
            figures::bless(FIGURES, BLESS, &figures::tools(&Needs::Compiler)?, &sizes)
        }
        _ if command(&target)? > LIMIT_OF_COMMAND => {
            Err(format!("mcp takes more than {LIMIT_OF_COMMAND} bytes"))
        }
        _ => Ok(()),
    }
}

fn figure(name: impl Into<String>, value: u64) -> Figure {
    Figure { name: name.into(), value: value as f64, floor: None }
}

fn size_of(program: &Path) -> Result<u64> {
    let metadata = fs::metadata(program);
    Ok(metadata.map_err(|error| format!("{}: {error}", program.display()))?.len())
}

/// The size of the command `mcp` as it is distributed.
fn command(target: &Path) -> Result<u64> {
    run::run(&mut cargo("build --quiet --profile dist --package mcp-cli"))?;
    let bytes = size_of(&target.join("dist/mcp").with_extension(std::env::consts::EXE_EXTENSION))?;
    println!("mcp: {:.2} MB", bytes as f64 / 1e6);
    Ok(bytes)
}

impl Client {
    /// Builds it, and counts its dependencies and bytes.
    fn measure(&self, target: &Path) -> Result<[Figure; 2]> {
        let folder = root().join("target/size").join(self.name);
        let write = |path: &str, text: String| {
            fs::write(folder.join(path), text).map_err(|error| format!("{path}: {error}"))
        };
        fs::create_dir_all(folder.join("src")).map_err(|error| error.to_string())?;
        // The same versions as in the workspace.
        fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))
            .map_err(|error| error.to_string())?;
        write("Cargo.toml", self.manifest())?;
        write("src/main.rs", self.source())?;
        let manifest = folder.join("Cargo.toml").display().to_string();
        let target = target.join("size");
        let mut build = cargo("build --quiet --release --manifest-path");
        run::run(build.arg(&manifest).arg("--target-dir").arg(&target))?;
        let tree = output(
            cargo("tree --edges normal,no-proc-macro --prefix none --format {p} --manifest-path")
                .arg(&manifest),
        )?;
        let mut crates: Vec<&str> =
            tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
        crates.sort_unstable();
        crates.dedup();
        let program = target.join("release/small-client");
        let bytes = size_of(&program.with_extension(std::env::consts::EXE_EXTENSION))?;
        let (name, crates) = (self.name, crates.len() as u64 - 1);
        println!("{name}: {crates} dependencies, {:.2} MB stripped", bytes as f64 / 1e6);
        Ok([
            figure(format!("dependencies of {name}"), crates),
            figure(format!("bytes of {name}"), bytes),
        ])
    }

    fn manifest(&self) -> String {
        let path = root().join("crates/mcp-client").display().to_string();
        format!(
            r#"[package]
name = "small-client"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
mcp-client = {{ path = {path:?}, default-features = false, features = {features} }}
tokio = {{ version = "1", default-features = false, features = ["rt"] }}

[profile.release]
strip = true
"#,
            features = self.features
        )
    }

    fn source(&self) -> String {
        format!(
            r#"fn main() {{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {{
        let session = mcp_client::Client::new({}).unwrap().connect().await.unwrap();
        for tool in session.list_tools().await.unwrap() {{
            println!("{{}}", tool.name);
        }}
    }});
}}
"#,
            self.target
        )
    }
}

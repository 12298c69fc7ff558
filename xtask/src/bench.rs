//! `bench`: measures the transports next to their lower bounds.

use std::path::PathBuf;

use crate::figures::{self, Committed, Figure, Needs};
use crate::metadata::Workspace;
use crate::run::{self, Result, cargo, output, root};

const FIGURES: &str = "figures.txt";
const BLESS: &str = "cargo xtask bench --instructions --bless";

/// Arguments are passed to the benchmark, such as `--instructions`, which counts instead of measuring time. With
/// `--check`, counts are compared with the committed ones, which `--bless` replaces. `--rivals` counts the official SDK
/// too.
pub(crate) fn run(args: &[String]) -> Result {
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if has("--check") {
        let tools = figures::tools(&Needs::CompilerAndValgrind)?;
        let committed = Committed::read(FIGURES, BLESS)?;
        let counted = count(!committed.is_of(&tools))?;
        return committed.check(&tools, &counted);
    }
    if has("--bless") {
        let tools = figures::tools(&Needs::CompilerAndValgrind)?;
        return figures::bless(FIGURES, BLESS, &tools, &count(true)?);
    }
    let mut bench = cargo("run --profile bench --package mcp-bench --features full --");
    bench.args(args.iter().filter(|arg| *arg != "--rivals"));
    if has("--rivals") {
        bench.env("MCP_BENCH_RIVAL", rival()?);
    }
    run::run(&mut bench)
}

/// Builds the program with the official SDK.
fn rival() -> Result<PathBuf> {
    let target = Workspace::load()?.target.join("rivals");
    let manifest = root().join("tests/benches/rivals/rmcp/Cargo.toml");
    let mut build = cargo("build --quiet --release --locked --manifest-path");
    run::run(build.arg(manifest).arg("--target-dir").arg(&target))?;
    Ok(target.join("release/rmcp-rival"))
}

/// Counts with a build that is as small as possible: without TLS and OAuth.
fn count(with_floors: bool) -> Result<Vec<Figure>> {
    run::run(&mut cargo("build --quiet --profile figures --package mcp-bench"))?;
    let mut counting = cargo("run --quiet --profile figures --package mcp-bench -- --figures");
    if with_floors {
        counting.arg("--floors");
    }
    output(&mut counting)?.lines().map(Figure::parse).collect()
}

//! `test`: all tests of the workspace, including those against real peers.

use crate::run::{self, Result, cargo, root};
use crate::{interop, setup};

/// `[--no-peers] [-- ARGS]`: `ARGS` are passed to the test programs.
pub(crate) fn run(args: &[String]) -> Result {
    let (peers, rest) = match args {
        [first, rest @ ..] if first == "--no-peers" => (false, rest),
        rest => (true, rest),
    };
    let rest = match rest {
        [] => rest,
        [dashes, rest @ ..] if dashes == "--" => rest,
        _ => return Err("usage: cargo xtask test [--no-peers] [-- ARGS]".to_owned()),
    };
    let mut test = cargo("test --workspace --all-features --no-fail-fast --");
    test.env("MCP_PEERS", root().join(setup::FOLDER)).args(rest);
    if !peers {
        println!("skipped: tests with peers, because of --no-peers");
        return run::run(test.args(["--skip", "peers::"]));
    }
    let missing = setup::install()?;
    setup::report(&missing)?;
    let interop = interop::begin(&mut test)?;
    let tested = run::run(&mut test);
    interop.print()?;
    tested?;
    examples()?;
    // Repeated below the results, where it is visible.
    setup::report(&missing)
}

/// Runs the examples without external requirements, including the first command of the README.
fn examples() -> Result {
    for example in [
        "quickstart",
        "caching",
        "custom_transport",
        "elicitation",
        "embed_stdio",
        "http_client",
        "opentelemetry",
        "progress",
        "rmcp",
        "subscriptions",
        "tower_layers",
    ] {
        run::run(
            cargo("run --quiet --package mcp-examples --all-features --example").arg(example),
        )?;
    }
    Ok(())
}

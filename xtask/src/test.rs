//! `test`: every test of the workspace, against real peers too.

use crate::run::{self, Result, cargo, root};
use crate::setup;

/// `[--no-peers] [-- ARGS]`: `ARGS` go to the test programs.
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
        println!("skipped: tests with peers, as asked");
        return run::run(test.args(["--skip", "peers::"]));
    }
    let missing = setup::install()?;
    setup::report(&missing)?;
    run::run(&mut test)?;
    examples()?;
    // Once more, where it is seen: below the results.
    setup::report(&missing)
}

/// The examples that need nothing but themselves, the README's first command among them.
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

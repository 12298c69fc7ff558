//! `windows`: type-checks the workspace for Windows, and runs the tests of its crates under Wine, from any machine.

mod wine;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::metadata::Workspace;
use crate::run::{self, Result, cargo, command, output, succeeds};
use crate::test;
use wine::Wine;

const TARGET: &str = "x86_64-pc-windows-gnu";

/// C code in dependencies is compiled even for a check.
const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// Features that are not built for the tests, and why.
const FEATURES_LEFT_OUT: &[(&str, &str)] = &[
    ("default", "its features are on anyway"),
    ("docs", "the guide, which Linux tests"),
    (
        "rmcp",
        "bridges to the official SDK, which have nothing of the system and take long to build",
    ),
    ("tls-aws-lc", "its C code is not built by mingw-w64; `tls-ring` is tested"),
];

/// Tests that are not run under Wine, by a part of their names, and why.
const SKIPPED: &[(&str, &str)] = &[
    ("no_call_fails_at_nginx", "nginx is a program of the system below"),
    ("hostile::a_reset_is_reported", "Wine closes a connection that a program resets"),
    ("http::tests::each_connection_runs_its_script", "the same"),
    ("no_call_fails_at_a_server_with_small_limits", "so many calls take Wine minutes"),
    ("many_streams_that_are_dropped_at_a_time_end_no_call", "the same"),
    ("exit_codes::a_program_that_dies", NO_SHELL),
    ("more::several_commands_share_one_session", NO_SHELL),
    ("proxy::one_session_is_shared_on_request", NO_SHELL),
    ("trace::a_secret_of_a_process_is_masked_on_its_stderr", NO_SHELL),
    ("pool::requests_do_not_wait_for_one_another", "Wine opens 64 connections too slowly"),
];

const NO_SHELL: &str = "its server is a script of a Unix shell";

/// What the tests do not show, since Wine or this task does not have it.
const NOT_COVERED: &[&str] = &[
    "npx, Node.js, Python and uv for Windows (batch files and interpreters are stood in for)",
    "the certificate store of Windows (Mozilla's certificates are used)",
    "the documentation tests, the integration tests and the examples (type-checked)",
    "Ctrl-C in a console, the compiler of Microsoft (`x86_64-pc-windows-msvc`)",
];

/// `[--test]`.
pub(crate) fn run(args: &[String]) -> Result {
    let tests = match args {
        [] => false,
        [flag] if flag == "--test" => true,
        _ => return Err("usage: cargo xtask windows [--test]".to_owned()),
    };
    if !cfg!(windows) && !succeeds(&mut command(COMPILER, "--version")) {
        let hint = "on Debian: apt-get install gcc-mingw-w64-x86-64";
        return Err(format!("{COMPILER} is not installed ({hint})"));
    }
    let installed = output(&mut command("rustup", "target list --installed"))?;
    if !installed.lines().any(|target| target == TARGET) {
        run::run(command("rustup", "target add").arg(TARGET))?;
    }
    run::run(cargo("check --workspace --all-targets --target").arg(TARGET))?;
    match (tests, cfg!(windows)) {
        (false, _) => Ok(()),
        (true, true) => test::run(&["--no-peers".to_owned()]),
        (true, false) => under_wine(),
    }
}

fn under_wine() -> Result {
    let workspace = Workspace::load()?;
    let wine = Wine::set_up(workspace.target.join("wine"), COMPILER)?;
    let mut test = cargo("test --no-fail-fast --lib --tests --target");
    test.arg(TARGET).args(packages(&workspace));
    // The test programs run faster to build without, and backtraces of Wine have no names.
    test.env("CARGO_PROFILE_DEV_DEBUG", "0");
    // Built by the same command, since a test under Wine cannot run cargo.
    test.env("MCP_TESTKIT_PEERS", workspace.target.join(TARGET).join("debug"));
    wine.run_programs_of(TARGET, &mut test);
    test.arg("--").args(SKIPPED.iter().flat_map(|(name, _)| ["--skip", name]));
    let passed = run_and_count(&mut test);
    println!("\nskipped under Wine:");
    for (name, reason) in SKIPPED {
        println!("  {name}: {reason}");
    }
    for (feature, reason) in FEATURES_LEFT_OUT {
        println!("  feature {feature}: {reason}");
    }
    println!("not covered by Wine:");
    for what in NOT_COVERED {
        println!("  {what}");
    }
    println!("{} tests passed under {}", passed?, wine.version()?);
    Ok(())
}

/// The crates, each with all features but those that are left out, as arguments of cargo.
fn packages(workspace: &Workspace) -> Vec<String> {
    let in_crates = workspace.packages.iter().filter(|package| {
        package
            .manifest
            .parent()
            .and_then(|it| it.parent())
            .is_some_and(|it| it.ends_with("crates"))
    });
    let is_wanted =
        |feature: &&String| FEATURES_LEFT_OUT.iter().all(|(left_out, _)| left_out != feature);
    in_crates
        .flat_map(|package| {
            let features = package.features.iter().filter(is_wanted);
            let features = features.map(|feature| format!("--features={}/{feature}", package.name));
            std::iter::once(format!("--package={}", package.name)).chain(features)
        })
        .collect()
}

/// Runs tests, prints their output, and returns how many have passed.
fn run_and_count(test: &mut Command) -> Result<usize> {
    println!("$ cargo test --target {TARGET} … (under Wine)");
    let mut child = test.stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    let mut passed = 0;
    for line in BufReader::new(child.stdout.take().expect("stdout is piped")).lines() {
        let line = line.map_err(|error| error.to_string())?;
        let counted = line.strip_prefix("test result: ").and_then(|it| it.split_once(". "));
        let count = counted.and_then(|(_, it)| it.split_once(" passed"));
        passed += count.and_then(|(count, _)| count.parse::<usize>().ok()).unwrap_or_default();
        println!("{line}");
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    match status.success() {
        true => Ok(passed),
        false => Err(format!("the tests under Wine: {status}")),
    }
}

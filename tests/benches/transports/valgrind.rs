//! Counts of valgrind for runs of this program.

use std::{ffi::OsString, process::Command};

use crate::measure::{Case, Load, Side};

/// User instructions per call.
///
/// # Errors
/// Valgrind is missing or counted nothing.
pub(crate) fn instructions(case: Case, side: Side) -> Result<f64, String> {
    a_call(case, |calls| {
        let log = run("callgrind", &["--callgrind-out-file=/dev/null"], &line(case, side, calls)?)?;
        number_after(&log, "Collected : ")
    })
}

/// Allocations per call.
///
/// # Errors
/// As [`instructions`].
pub(crate) fn allocations(case: Case, side: Side) -> Result<f64, String> {
    a_call(case, |calls| {
        let log = run("dhat", &["--dhat-out-file=/dev/null"], &line(case, side, calls)?)?;
        let total = log.lines().find(|line| line.contains("Total: "));
        number_after(total.unwrap_or_default(), "bytes in ")
    })
}

/// The heap of an idle session in bytes.
///
/// # Errors
/// As [`instructions`].
pub(crate) fn idle_heap(kind: &str) -> Result<f64, String> {
    const FEW: u32 = 10;
    const MANY: u32 = 30;
    let of = |sessions: u32| {
        let line = [this()?, "--hold".into(), kind.into(), sessions.to_string().into()];
        let log = run("dhat", &["--dhat-out-file=/dev/null"], &line)?;
        number_after(&log, "At t-end: ")
    };
    Ok((of(MANY)? as f64 - of(FEW)? as f64) / f64::from(MANY - FEW))
}

/// The difference of two run lengths, without the cost of start and end.
fn a_call(case: Case, count: impl Fn(u32) -> Result<u64, String>) -> Result<f64, String> {
    let (short, long) = match case.load {
        Load::One => (500, 3_000),
        Load::Many => (64 * 10, 64 * 60),
        Load::Mib1 => (5, 15),
        Load::Mib10 => (1, 3),
        Load::List => (500, 1_500),
    };
    Ok((count(long)? as f64 - count(short)? as f64) / f64::from(long - short))
}

/// The program of a side, and its arguments.
fn line(case: Case, side: Side, calls: u32) -> Result<Vec<OsString>, String> {
    let mut line = vec![this()?];
    if let Side::Rival = side {
        // It starts this program as the server.
        line.insert(0, rival().ok_or("no rival is set")?);
    }
    let words = ["--run", case.carrier.name(), side.name(), case.load.name(), &calls.to_string()];
    line.extend(words.map(OsString::from));
    Ok(line)
}

fn this() -> Result<OsString, String> {
    std::env::current_exe().map(Into::into).map_err(|error| error.to_string())
}

/// The program of another library, which is set by the task.
pub(crate) fn rival() -> Option<OsString> {
    std::env::var_os("MCP_BENCH_RIVAL")
}

/// The log of a tool about a program with its arguments.
fn run(tool: &str, options: &[&str], line: &[OsString]) -> Result<String, String> {
    let output = Command::new("valgrind")
        .arg(format!("--tool={tool}"))
        .args(options)
        .args(line)
        .output()
        .map_err(|error| format!("valgrind cannot be started: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(log),
        false => Err(format!("{line:?}: {}: {log}", output.status)),
    }
}

/// The number after the first `start`, with or without commas.
fn number_after(log: &str, start: &str) -> Result<u64, String> {
    let found = log.split_once(start).map(|(_, rest)| rest.trim_start());
    let digits = found.map(|rest| {
        let number = rest.chars().take_while(|char| char.is_ascii_digit() || *char == ',');
        number.filter(char::is_ascii_digit).collect::<String>()
    });
    let number = digits.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| format!("valgrind counted nothing: {log}"))
}

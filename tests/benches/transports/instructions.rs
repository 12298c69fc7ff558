//! User instructions per call, counted by callgrind.

use std::process::{Command, ExitCode};

use crate::measure::{Case, Load};

pub(crate) fn table(only: &[&str]) -> ExitCode {
    println!("{:<10} {:<6} {:>14} {:>14} {:>7}", "carrier", "load", "instructions", "floor", "x");
    for case in Case::all().filter(|case| case.is_asked(only)) {
        match (a_call(case, "ours"), a_call(case, "floor")) {
            (Ok(ours), Ok(floor)) => println!(
                "{:<10} {:<6} {:>14.0} {:>14.0} {:>7.2}",
                case.carrier.name(),
                case.load.name(),
                ours,
                floor,
                ours / floor
            ),
            (Err(error), _) | (_, Err(error)) => {
                println!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The difference of two run lengths, without the cost of start and end.
fn a_call(case: Case, side: &str) -> Result<f64, String> {
    let (short, long) = match case.load {
        Load::One => (1_000, 6_000),
        Load::Many => (64 * 20, 64 * 120),
        Load::Mib1 => (5, 25),
        Load::Mib10 => (1, 4),
    };
    let difference = count(case, side, long)? as f64 - count(case, side, short)? as f64;
    Ok(difference / f64::from(long - short))
}

fn count(case: Case, side: &str, calls: u32) -> Result<u64, String> {
    let exe = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(exe)
        .args(["--run", case.carrier.name(), side, case.load.name(), &calls.to_string()])
        .output()
        .map_err(|error| format!("valgrind is needed to count instructions: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    log.lines()
        .filter_map(|line| line.split_once("Collected : "))
        .find_map(|(_, count)| count.trim().parse().ok())
        .ok_or_else(|| format!("callgrind counted nothing: {log}"))
}

//! Endurance: `soak [--for 10m]`.
//!
//! Connects, calls, cancels and kills, with a group of five real servers. After each round everything rests, and the
//! memory, the descriptors and the child processes of this program are recorded. They must not grow.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

#[cfg(target_os = "linux")]
mod curve;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod soak;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    match options::time(std::env::args().skip(1)).and_then(soak::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("soak: FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Resources are read from `/proc`.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    println!("soak: needs Linux");
    ExitCode::FAILURE
}

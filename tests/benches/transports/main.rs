//! The cost of a call on each transport, compared with the floor of the same carrier in the same run.
//!
//! `cargo xtask bench` prints times; `--instructions` counts user instructions per call with callgrind, as the
//! difference of two run lengths, which has no noise; `--memory` counts allocations and what idle sessions take;
//! `--figures` prints what `--check` compares.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints a table")]

mod figures;
mod floor;
mod hold;
mod instructions;
mod measure;
mod memory;
mod ours;
mod peer;
#[cfg(feature = "full")]
mod peer_tls;
#[cfg(feature = "full")]
mod relay;
mod smallest;
mod times;
mod valgrind;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match &args[..] {
        ["--peer", carrier] => peer::run(carrier),
        #[cfg(feature = "full")]
        ["--drive", port, load, calls] => {
            let load = measure::Load::parse(load).expect("a load of the table");
            relay::drive(port.parse().unwrap(), load, calls.parse().unwrap());
        }
        ["--run", carrier, side, load, calls] => {
            let case = measure::Case::parse(carrier, load).expect("a case of the table");
            let side = measure::Side::parse(side).expect("a side of the table");
            measure::runtime().block_on(measure::run(case, side, calls.parse().unwrap()));
        }
        ["--hold", kind, sessions] => hold::run(kind, sessions.parse().unwrap()),
        ["--instructions", only @ ..] => return instructions::table(only),
        ["--memory"] => {
            if let Err(error) = memory::tables() {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
        ["--figures"] => return figures::print(false),
        ["--figures", "--floors"] => return figures::print(true),
        only => times::table(only),
    }
    ExitCode::SUCCESS
}

//! The cost of a call on each transport, compared with the floor of the same carrier in the same run.
//!
//! `cargo xtask bench` prints times; `cargo xtask bench --instructions` counts user instructions per call with
//! callgrind, as the difference of two run lengths, which has no noise.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints a table")]

mod floor;
mod instructions;
mod measure;
mod ours;
mod peer;
mod relay;
mod times;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match &args[..] {
        ["--peer", carrier] => peer::run(carrier),
        ["--drive", port, load, calls] => {
            let load = measure::Load::parse(load).expect("a load of the table");
            relay::drive(port.parse().unwrap(), load, calls.parse().unwrap());
        }
        ["--run", carrier, side, load, calls] => {
            let case = measure::Case::parse(carrier, load).expect("a case of the table");
            measure::runtime().block_on(measure::run(
                case,
                *side == "floor",
                calls.parse().unwrap(),
            ));
        }
        ["--instructions", only @ ..] => return instructions::table(only),
        only => times::table(only),
    }
    ExitCode::SUCCESS
}

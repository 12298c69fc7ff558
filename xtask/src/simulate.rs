//! `simulate`: sessions in a simulated world, one for each seed.

use crate::run::{self, Result, cargo};

/// Arguments are passed to the simulation: `--seeds N`, `--from SEED`, `--seed SEED`.
pub(crate) fn run(args: &[String]) -> Result {
    run::run(cargo("run --quiet --package mcp-simulation --bin simulate --").args(args))
}

//! `bench`: measures the transports beside their floors.

use crate::run::{self, Result, cargo};

/// Arguments go to the benchmark, `--instructions` (counts instead of times) among them.
pub(crate) fn run(args: &[String]) -> Result {
    run::run(cargo("bench --package mcp-integration --bench transports --").args(args))
}

//! `bench`: measures the transports next to their lower bounds.

use crate::run::{self, Result, cargo};

/// Arguments are passed to the benchmark, such as `--instructions`, which counts instead of measuring time.
pub(crate) fn run(args: &[String]) -> Result {
    run::run(cargo("bench --package mcp-integration --bench transports --").args(args))
}

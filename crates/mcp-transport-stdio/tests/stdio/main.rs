//! Tests with real processes: shell scripts and standard Unix tools.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod backpressure;
mod contract;
mod environment;
mod exit;
mod runners;
mod shutdown;
mod start;
mod stderr;
mod stdout;
mod support;

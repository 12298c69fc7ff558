//! Tests with real processes: the peers of the testkit on every system, shell scripts and standard tools on Unix.
#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(unix)]
mod backpressure;
mod contract;
#[cfg(unix)]
mod environment;
#[cfg(unix)]
mod exit;
mod peers;
#[cfg(unix)]
mod runners;
#[cfg(unix)]
mod shutdown;
#[cfg(unix)]
mod start;
#[cfg(unix)]
mod stderr;
#[cfg(unix)]
mod stdout;
#[cfg(unix)]
mod support;

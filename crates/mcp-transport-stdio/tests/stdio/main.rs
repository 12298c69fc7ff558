//! The transport against real processes: shells and the small tools that every Unix has.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod backpressure;
mod contract;
mod end;
mod environment;
mod family;
mod lines;
mod shutdown;
mod start;
mod stderr;
mod support;

//! Tests of the built command, with servers in this process and servers of other projects.

#![allow(clippy::unwrap_used, reason = "tests")]

mod answers;
mod call;
mod exit_codes;
#[cfg(unix)]
mod interrupt;
mod list;
#[cfg(target_os = "linux")]
mod load;
mod login;
mod more;
#[cfg(unix)]
mod peers;
mod proxy;
mod support;
mod targets;
#[cfg(target_os = "linux")]
mod terminal;
mod trace;

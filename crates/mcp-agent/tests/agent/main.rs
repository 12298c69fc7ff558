//! Tools of servers in this process, as the APIs of models get them.

#![allow(clippy::unwrap_used, reason = "tests")]

mod apps;
mod golden;
mod server;
mod shapes;
mod strict;
mod toolset;

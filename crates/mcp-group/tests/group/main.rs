//! Groups of servers in memory and of scripted ones, through a session, in paused time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod authorizing;
mod calls;
mod eras;
mod fixture;
mod lists;
mod resources;
mod runtime;
mod straight;
mod subscriptions;
mod supervision;
mod warnings;

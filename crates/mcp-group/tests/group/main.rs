//! Groups of in-memory and scripted servers, used through a session, in paused time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod asking;
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

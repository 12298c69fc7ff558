//! Logins, tokens and refreshes against a scripted authorization server.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

mod background;
mod hostile;
mod identity;
mod login;
#[cfg(feature = "file")]
mod processes;
mod refresh;
mod secrets;
mod services;
mod stores;
mod world;

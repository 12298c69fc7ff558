//! Logins, tokens and refreshes against a scripted authorization server.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

#[cfg(feature = "browser")]
mod agents;
mod background;
mod discovery;
mod hostile;
mod identity;
#[cfg(feature = "keyring")]
mod keyring;
mod login;
#[cfg(feature = "tls-ring")]
mod network;
#[cfg(feature = "file")]
mod processes;
mod refresh;
mod rotation;
mod scopes;
mod secrets;
mod services;
mod stores;
mod world;

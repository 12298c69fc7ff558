//! From a TARGET on the command line to a client.

mod application;
mod client;
mod duration;
mod find;
mod http;
pub(crate) mod key_value;
mod oauth;
mod options;
mod saved;
mod service;
mod trust;

/// The TARGET of commands in `mcp shell`: the session of the shell.
pub(crate) const HERE: &str = "-";

pub(crate) use application::{is_meant as is_application, key as application_key};
pub(crate) use client::{Secrets, client};
pub(crate) use duration::parse as parse_duration;
pub(crate) use find::{Found, Origin, entry, find, program, written};
pub(crate) use oauth::oauth;
pub(crate) use options::TargetOptions;
pub(crate) use saved::file as saved_file;
pub(crate) use service::{Service, oauth_at};
pub(crate) use trust::{Ask, trust};

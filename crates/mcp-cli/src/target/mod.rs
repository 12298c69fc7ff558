//! Servers: named on the command line, found, and turned into a client.

mod application;
mod client;
mod duration;
mod find;
mod http;
mod options;
mod pairs;
mod trust;

pub(crate) use application::key as application_key;
pub(crate) use client::{Secrets, client};
pub(crate) use duration::parse as parse_duration;
pub(crate) use find::{Found, Origin, entry, find, program};
pub(crate) use options::TargetOptions;
pub(crate) use trust::{Ask, trust};

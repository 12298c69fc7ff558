//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod call;
pub(crate) mod complete;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod discover;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod ping;
pub(crate) mod prompt;
pub(crate) mod proxy;
pub(crate) mod read;
pub(crate) mod shell;
pub(crate) mod skills;
pub(crate) mod tasks;
pub(crate) mod watch;

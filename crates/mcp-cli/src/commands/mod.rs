//! The commands, one file each.

pub(crate) mod call;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod ping;
pub(crate) mod proxy;
pub(crate) mod read;

//! The response cache.
//!
//! Spec: server/utilities/caching

mod bounded;
mod config;
mod invalidate;
mod key;
mod memory;
mod result;
mod session;
mod shared;
mod store;
mod ticket;

pub use config::{Cache, CacheMode};
pub(crate) use session::{ListenGuard, SessionCache};
pub use store::{CacheEntry, CacheStore, MemoryStore};
pub(crate) use ticket::Ticket;

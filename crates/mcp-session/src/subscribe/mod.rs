//! Subscriptions to changes: one stream of events for both eras.
//!
//! Spec: basic/patterns/subscriptions

mod backlog;
mod event;
mod feed;
mod listen;
mod member;
mod poll;
mod registry;
mod retry;
mod state;
mod subscription;
mod worker;

pub use event::Event;
pub(crate) use registry::Registry;
pub use subscription::{Subscribe, Subscription};

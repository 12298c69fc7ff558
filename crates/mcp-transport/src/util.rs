//! Helpers for authors of transports and sessions, which the contract itself does not need.

pub use crate::{
    backoff::Retries,
    runtime::{is_driven, require_runtime},
    single_flight::SingleFlight,
};

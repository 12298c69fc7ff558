//! The guide for authors of transports and of SDKs. Every example is compiled by the tests.

#[doc = include_str!("invariants.md")]
pub mod invariants {}
#[doc = include_str!("using_one_transport.md")]
pub mod using_one_transport {}
#[doc = include_str!("writing_a_transport.md")]
pub mod writing_a_transport {}

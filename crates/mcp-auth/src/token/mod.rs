//! Requests to token endpoints, and what comes of them.

pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod set;

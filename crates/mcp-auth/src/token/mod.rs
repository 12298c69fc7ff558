//! Requests to token endpoints, and their responses.

pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod set;

//! Requests to token endpoints, and their responses.

mod authenticate;
pub(crate) mod form;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod set;

//! From a refusal to a token.

pub(crate) mod challenge;
pub(crate) mod decide;
pub(crate) mod flight;
mod keep;
mod limit;
pub(crate) mod login;
pub(crate) mod refresh;
mod refused;
pub(crate) mod run;
pub(crate) mod scope;
pub(crate) mod stage;
pub(crate) mod state;

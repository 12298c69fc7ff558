//! Client identity.

pub(crate) mod binding;
pub(crate) mod choose;
pub(crate) mod register;
pub(crate) mod registered;

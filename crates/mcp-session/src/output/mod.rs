//! Tool results as data: validation against the `outputSchema`, and typed decoding.
//!
//! Spec: server/tools#output-schema

#[cfg(feature = "validation")]
mod check;
#[cfg(feature = "validation")]
mod checks;
mod or_error;
mod outputs;
mod result_as;
#[cfg(feature = "validation")]
mod schemas;
mod wrapping;

#[cfg(feature = "validation")]
pub(crate) use check::check;
#[cfg(feature = "validation")]
pub use checks::OutputChecks;
pub use or_error::OrError;
pub(crate) use outputs::Outputs;
pub use result_as::ResultAs;

use std::{error::Error, io};

/// An error that `?` converts into the error of a session, `mcp_client::Error`.
///
/// All errors that the crates of this workspace return implement it, so that a `main` with one error type can use
/// `?` on each. Implement it for the errors of a crate that is used in the same functions.
pub trait PublicError: Error + Send + Sync + 'static {
    /// The category of the error. Default: [`ErrorClass::Other`].
    fn class(&self) -> ErrorClass {
        ErrorClass::Other
    }
}

/// What kind of error a [`PublicError`] becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorClass {
    /// A setting or a file of the program is wrong.
    Config,
    /// Data of a peer has another shape than was asked for.
    Decode,
    /// Anything else.
    Other,
}

impl PublicError for io::Error {}

/// A value that is not of the type that was asked for.
impl PublicError for serde_json::Error {
    fn class(&self) -> ErrorClass {
        ErrorClass::Decode
    }
}

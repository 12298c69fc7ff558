use std::{error::Error, io};

/// An error that `?` converts into the session's error type, `mcp_client::Error`.
///
/// All public error types of this workspace implement it, so that `?` works in a function that returns
/// `mcp_client::Error`. Implement it for your own error types to use `?` on them as well.
pub trait PublicError: Error + Send + Sync + 'static {
    /// The category of the error. Default: [`ErrorClass::Other`].
    fn class(&self) -> ErrorClass {
        ErrorClass::Other
    }
}

/// The kind of `mcp_client::Error` that a [`PublicError`] becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorClass {
    /// A setting or a file of the program is invalid.
    Config,
    /// Data of a peer does not have the expected type.
    Decode,
    /// Anything else.
    Other,
}

impl PublicError for io::Error {}

/// The value does not have the expected type.
impl PublicError for serde_json::Error {
    fn class(&self) -> ErrorClass {
        ErrorClass::Decode
    }
}

use mcp_core::{ErrorObject, error_code};

/// Return types of a handler: the result, or a `Result` of it. An error becomes the response to that request: an
/// [`ErrorObject`] unchanged, any other error as an internal error with its text.
#[diagnostic::on_unimplemented(
    message = "the handler must return `{T}`, not `{Self}`",
    label = "neither `{T}` nor a `Result` of it",
    note = "return `{T}`, or `Result<{T}, E>` with any error `E`"
)]
pub trait Reply<T> {
    /// Converts the handler's return value into the response.
    ///
    /// # Errors
    /// The errors of the handler.
    fn into_reply(self) -> Result<T, ErrorObject>;
}

impl<T> Reply<T> for T {
    fn into_reply(self) -> Result<T, ErrorObject> {
        Ok(self)
    }
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> Reply<T> for Result<T, E> {
    fn into_reply(self) -> Result<T, ErrorObject> {
        self.map_err(|error| match error.into().downcast::<ErrorObject>() {
            Ok(error) => *error,
            Err(error) => internal(error.to_string()),
        })
    }
}

/// An error of the client.
pub(crate) fn internal(text: impl Into<String>) -> ErrorObject {
    ErrorObject::new(error_code::INTERNAL_ERROR, text.into())
}

//! Completion of arguments.

use std::fmt::Display;

use mcp_core::{CompleteRequestParams, CompleteResult, Completion, ErrorObject};

use crate::{
    call::{ErasedHandler, Started},
    reply::{internal, protocol_error},
};

/// The largest number of proposals in one result.
///
/// Spec: server/utilities/completion#completion-results
const MAX_VALUES: usize = 100;

/// Return types of a completion handler: a `Vec` of strings, a [`Completion`], or a `Result` of one. Values beyond 100
/// are dropped, and the result contains their total number.
#[diagnostic::on_unimplemented(
    message = "the handler of a completion cannot return `{Self}`",
    label = "not a result of a completion",
    note = "return a `Vec` of strings, a `Completion`, or a `Result` of one of these"
)]
pub trait IntoCompletion {
    /// Converts the handler's return value into the proposals.
    ///
    /// # Errors
    /// The error to answer the request with.
    fn into_completion(self) -> Result<Completion, ErrorObject>;
}

impl<S: Into<String>> IntoCompletion for Vec<S> {
    fn into_completion(self) -> Result<Completion, ErrorObject> {
        let values: Vec<String> = self.into_iter().map(Into::into).collect();
        Completion::new(values).into_completion()
    }
}

impl IntoCompletion for Completion {
    fn into_completion(mut self) -> Result<Completion, ErrorObject> {
        let count = self.values.len();
        if count > MAX_VALUES {
            self.values.truncate(MAX_VALUES);
            self.total = self.total.or_else(|| i64::try_from(count).ok());
            self.has_more = Some(true);
        }
        Ok(self)
    }
}

impl<T: IntoCompletion, E: Display + 'static> IntoCompletion for Result<T, E> {
    fn into_completion(self) -> Result<Completion, ErrorObject> {
        match self {
            Ok(completion) => completion.into_completion(),
            Err(error) => Err(protocol_error(&error).unwrap_or_else(|| internal(error))),
        }
    }
}

pub(crate) fn completion<F, Fut>(handler: F) -> ErasedHandler
where
    F: Fn(CompleteRequestParams) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoCompletion> + Send + 'static,
{
    Box::new(move |incoming| {
        let params = incoming.decode()?;
        let reply = incoming.reply();
        let future = handler(params);
        let work =
            Box::pin(
                async move { reply.result(CompleteResult::new(future.await.into_completion()?)) },
            );
        Ok(Started::Working { work, context: None })
    })
}

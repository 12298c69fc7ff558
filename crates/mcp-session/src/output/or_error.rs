use std::{fmt, future::IntoFuture, pin::Pin};

use mcp_core::{CallToolResult, Excerpt, method};

use crate::{Call, Error, ErrorKind, Session};

/// Maximum size of a tool's text in an error, in bytes. [`Error::result`] has the whole text.
pub(super) const MAX_TEXT: usize = 4096;

/// A tool call that fails if the tool fails: `.await` it to send it; see [`Call::or_error`].
#[must_use = "the call is sent only when it is awaited"]
pub struct OrError(Call<CallToolResult>);

impl Call<CallToolResult> {
    /// Converts the result of a failed tool into an error of kind [`Tool`](ErrorKind::Tool), which contains the server,
    /// the tool and the tool's text. [`Error::result`] returns the whole result.
    ///
    /// A plain `.await` returns a failed result as `Ok`, for a model to read.
    ///
    /// ```
    /// # use mcp_session::{Error, Session};
    /// # async fn call(session: Session) -> Result<(), Error> {
    /// let result = session.call_tool("search_books").arg("query", "Dune").or_error().await?;
    /// println!("{}", result.text());
    /// # Ok(()) }
    /// ```
    ///
    /// Spec: server/tools#error-handling
    #[doc(alias = "raise_on_error")]
    #[doc(alias = "error_for_status")]
    pub fn or_error(self) -> OrError {
        OrError(self)
    }
}

impl IntoFuture for OrError {
    type Output = Result<CallToolResult, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self(call) = self;
        Box::pin(async move {
            let session = call.session().clone();
            let tool = call.target().unwrap_or_default();
            succeeded(&session, &tool, call.await?)
        })
    }
}

/// The result of a tool, or the error of a failed one.
pub(super) fn succeeded(
    session: &Session,
    tool: &str,
    result: CallToolResult,
) -> Result<CallToolResult, Error> {
    let failure = match result.into_result() {
        Ok(result) => return Ok(result),
        Err(failure) => failure,
    };
    let text = shortened(&failure.to_string(), MAX_TEXT);
    let server = session.inner().server.clone();
    let error = Error::from_result(ErrorKind::Tool, server, failure.into_result(), text);
    // Some servers report an unknown tool as a failed one.
    let hint = session.inner().listed.suggestion(method::TOOLS_CALL, tool);
    let error = error.with_target(Excerpt(tool).to_string());
    Err(hint.into_iter().fold(error, Error::with_hint))
}

impl fmt::Debug for OrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OrError").field(&self.0).finish()
    }
}

/// The text, truncated if it is too long.
pub(super) fn shortened(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}…", &text[..end])
}

use std::{fmt, future::IntoFuture, marker::PhantomData, pin::Pin, sync::Arc};

use mcp_core::CallToolResult;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    or_error::{MAX_TEXT, shortened, succeeded},
    wrapping::{MEMBER, Wrapping},
};
use crate::{Call, Error, ErrorKind};

/// A tool call whose result is decoded as `T`: `.await` it to send it; see [`Call::result_as`].
///
/// - A failed tool is an error of kind [`Tool`](ErrorKind::Tool) with the tool's text.
/// - `structuredContent` is decoded as `T`. `null` is not the same as no `structuredContent`: `Option<T>` decodes it as
///   `None`, and the text is not used.
/// - A non-object value that a server has wrapped as `{"result": …}` is unwrapped: if FastMCP marks it, if the listed
///   `outputSchema` of the tool has only that member, or if `T` cannot be decoded otherwise. For `serde_json::Value`,
///   which accepts anything, the outcome may thus depend on whether the tool was listed.
/// - Without structured content, a single text block is decoded: as JSON, or else as a plain string. A text in quotes
///   is a plain string.
///
/// Anything else is an error of kind [`Output`](ErrorKind::Output). In both cases, [`Error::result`] returns the whole
/// result.
///
/// Dropping the future cancels the call at the server.
///
/// ```
/// # use mcp_session::{Error, ErrorKind, Session};
/// #[derive(serde::Deserialize)]
/// struct Book {
///     title: String,
///     pages: u32,
/// }
///
/// # async fn call(session: Session) -> Result<(), Error> {
/// let book: Book = session.call_tool("find_book").arg("isbn", "0441172717").result_as().await?;
/// println!("{}, {} pages", book.title, book.pages);
///
/// match session.call_tool("list_books").result_as::<Vec<Book>>().await {
///     Ok(books) => println!("{} books", books.len()),
///     Err(error) if error.kind() == ErrorKind::Tool => println!("the tool failed: {error}"),
///     Err(error) => return Err(error),
/// }
/// # Ok(()) }
/// ```
///
/// Spec: server/tools#structured-content
#[must_use = "the call is sent only when it is awaited"]
pub struct ResultAs<T> {
    call: Call<CallToolResult>,
    data: PhantomData<fn() -> T>,
}

impl Call<CallToolResult> {
    /// Decodes the result as type `T`. A failed tool is an error; see [`ResultAs`].
    pub fn result_as<T: DeserializeOwned>(self) -> ResultAs<T> {
        ResultAs { call: self, data: PhantomData }
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for ResultAs<T> {
    type Output = Result<T, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { call, .. } = self;
        Box::pin(async move {
            let session = call.session().clone();
            let server = Arc::clone(&session.inner().server);
            let tool = call.target().unwrap_or_default();
            let result = succeeded(&session, &tool, call.await?)?;
            let wrapping = session.inner().outputs.wrapping(&tool);
            data(&result, wrapping).map_err(|why| {
                let why = shortened(&why, MAX_TEXT);
                let message = format!("the result does not have the requested type: {why}");
                let error = Error::from_result(ErrorKind::Output, server, result, message);
                error.with_target(tool)
            })
        })
    }
}

impl<T> fmt::Debug for ResultAs<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResultAs").field(&self.call).finish()
    }
}

/// Decodes the data of a result.
fn data<T: DeserializeOwned>(
    result: &CallToolResult,
    wrapping: Option<Wrapping>,
) -> Result<T, String> {
    let Some(content) = &result.structured_content else {
        return text(result);
    };
    let read = |value: &Value| T::deserialize(value).map_err(|error| error.to_string());
    let wrapping = if is_marked(result) { Some(Wrapping::Marked) } else { wrapping };
    let object = content.as_object();
    let Some(inner) = object.and_then(|it| it.get(MEMBER)) else { return read(content) };
    match wrapping {
        Some(Wrapping::Marked) => read(inner),
        Some(Wrapping::Likely) => read(inner).or_else(|why| read(content).map_err(|_| why)),
        // An object with another member is not wrapped.
        None if object.is_some_and(|it| it.len() == 1) => {
            read(content).or_else(|why| read(inner).map_err(|_| why))
        }
        None => read(content),
    }
}

/// Whether FastMCP marks the result as wrapped.
fn is_marked(result: &CallToolResult) -> bool {
    let mark = || result.meta.as_ref()?.get("fastmcp")?.get("wrap_result")?.as_bool();
    mark() == Some(true)
}

/// Decodes the text of a result without data.
fn text<T: DeserializeOwned>(result: &CallToolResult) -> Result<T, String> {
    let text = match result.content.as_slice() {
        [only] => only.as_text(),
        _ => None,
    };
    let text = text.ok_or("it has neither structured content nor one block of text")?;
    let plain = || T::deserialize(Value::String(text.to_owned()));
    if text.trim_start().starts_with('"') {
        return plain().or_else(|_| serde_json::from_str(text)).map_err(|why| why.to_string());
    }
    let read = serde_json::from_str(text);
    read.or_else(|why| plain().map_err(|_| why)).map_err(|why| {
        format!("it has no structured content, and its text is not of that type: {why}")
    })
}

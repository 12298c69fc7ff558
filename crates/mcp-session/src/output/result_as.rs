use std::{fmt, future::IntoFuture, marker::PhantomData, pin::Pin, sync::Arc};

use mcp_core::CallToolResult;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    or_error::{MAX_TEXT, shortened, succeeded},
    wrapping::{MEMBER, Wrapping},
};
use crate::{Call, Error, ErrorKind};

/// A call of a tool whose result is read as `T`: `.await` it to send it; see [`Call::result_as`].
///
/// - A tool that failed is an error of kind [`Tool`](ErrorKind::Tool) with the tool's own text.
/// - `structuredContent` is read as `T`. `null` is not the same as no `structuredContent`: `Option<T>` reads
///   it as `None`, and the text is not read.
/// - A value that a server has wrapped as `{"result": …}`, since it is not an object, is unwrapped: where
///   FastMCP marks it, where the listed `outputSchema` of the tool has that member alone, and where `T`
///   cannot be read in another way. For `serde_json::Value`, which can be anything, the outcome may thus
///   depend on whether the tool has been listed.
/// - Without structured content, one block of text is read: as JSON, or else as a plain string. A text in
///   quotes is a plain string.
///
/// Anything else is an error of kind [`Output`](ErrorKind::Output). With both kinds, [`Error::result`] has
/// the whole result.
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
#[must_use = "nothing is sent unless the call is awaited"]
pub struct ResultAs<T> {
    call: Call<CallToolResult>,
    data: PhantomData<fn() -> T>,
}

impl Call<CallToolResult> {
    /// Reads the result as data of type `T`, and returns an error where the tool failed; see [`ResultAs`].
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
                let message = format!("the result is not of the wanted type: {why}");
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

/// Reads the data of a result.
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
        // With another member it is not a wrapping.
        None if object.is_some_and(|it| it.len() == 1) => {
            read(content).or_else(|why| read(inner).map_err(|_| why))
        }
        None => read(content),
    }
}

/// Whether FastMCP says that a result is wrapped.
fn is_marked(result: &CallToolResult) -> bool {
    let mark = || result.meta.as_ref()?.get("fastmcp")?.get("wrap_result")?.as_bool();
    mark() == Some(true)
}

/// Reads the text of a result that has no data.
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

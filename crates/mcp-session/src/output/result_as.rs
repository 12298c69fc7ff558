use std::{fmt, future::IntoFuture, marker::PhantomData, pin::Pin};

use mcp_core::CallToolResult;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Wrapping, wrapping::MEMBER};
use crate::{Call, Error, ErrorKind};

/// The most of a tool's own words that an error repeats, in bytes. All of it is in [`Error::result`].
const MOST_WORDS: usize = 4096;

/// A call of a tool whose result is read as `T`: `.await` it to send it; see [`Call::result_as`].
///
/// - A tool that failed is an error of kind [`Tool`](ErrorKind::Tool) with the tool's own words.
/// - `structuredContent` is read as `T`, and `null` there is not the same as nothing: `Option<T>` tells
///   `null`, and nothing is looked for in the text.
/// - What a server has wrapped as `{"result": …}`, since it is no object, is unwrapped: where FastMCP
///   marks it, where the listed `outputSchema` of the tool has that member alone, and where `T` can be read
///   in no other way. For `serde_json::Value`, which can be anything, the answer may thus depend on
///   whether the tool has been listed.
/// - Without structured content one block of text is read: as JSON, or else as a plain string.
///   A text in quotes is taken for the plain string that it is.
///
/// Anything else is an error of kind [`Output`](ErrorKind::Output). With both, [`Error::result`] has the
/// whole result.
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
///     Err(error) if error.kind() == ErrorKind::Tool => println!("the tool says: {error}"),
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

impl<T> ResultAs<T> {
    pub(crate) fn new(call: Call<CallToolResult>) -> Self {
        Self { call, data: PhantomData }
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for ResultAs<T> {
    type Output = Result<T, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { call, .. } = self;
        Box::pin(async move {
            let session = call.session().clone();
            let tool = call.target().unwrap_or_default();
            let result = match call.into_future().await?.into_result() {
                Ok(result) => result,
                Err(failure) => {
                    let words = shortened(&failure.to_string(), MOST_WORDS);
                    let result = failure.into_result();
                    return Err(session.bad_result(ErrorKind::Tool, result, words));
                }
            };
            let wrapping = session.outputs().wrapping(&tool);
            data(&result, wrapping).map_err(|why| {
                let why = shortened(&why, MOST_WORDS);
                let message = format!("what {tool:?} gives is not what was asked for: {why}");
                session.bad_result(ErrorKind::Output, result, message)
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
        // Anything else beside it, and it is no wrapping.
        None if object.is_some_and(|it| it.len() == 1) => {
            read(content).or_else(|why| read(inner).map_err(|_| why))
        }
        None => read(content),
    }
}

/// How FastMCP says that a result is wrapped.
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
    read.or_else(|why| plain().map_err(|_| why))
        .map_err(|why| format!("it has no structured content, and its text does not fit: {why}"))
}

/// The text, cut off where it is too long.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}…", &text[..end])
}

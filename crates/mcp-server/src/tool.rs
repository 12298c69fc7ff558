//! Tools.

use std::{borrow::Cow, fmt::Display};

use mcp_core::{
    CallToolResult, ContentBlock, ErrorObject, InputRequiredResult, Outcome, RawJson, Tool,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    arguments::{Arguments, output_schema},
    call::{ErasedHandler, Started},
    handler::Handler,
    reply::{Answer, Reply, internal, protocol_error},
};

/// The result of a tool, created by [`IntoToolResult`] or a `From` conversion.
#[derive(Debug)]
pub struct ToolResult(Repr);

#[derive(Debug)]
enum Repr {
    /// A single text, the common case.
    Text(Cow<'static, str>),
    /// Data as JSON.
    Data(String),
    Result(Box<Outcome<CallToolResult>>),
    Error(Box<ErrorObject>),
}

/// Return types of a tool handler.
///
/// - `String`, `&'static str`: a block of text. `()`: nothing.
/// - [`Json<T>`](Json): data, with the schema of `T` listed as the tool's output schema.
/// - [`ContentBlock`], `Vec<ContentBlock>`, [`CallToolResult`].
/// - `Result<T, E>`: an `Err` is an error of the tool, which the model sees as the text of `E`; an [`ErrorObject`] as
///   `E` is a JSON-RPC error instead.
/// - [`InputRequiredResult`] or [`Outcome`], if input of the client is needed first.
#[diagnostic::on_unimplemented(
    message = "the handler of a tool cannot return `{Self}`",
    label = "not a result of a tool",
    note = "return a `String`, a `Json<T>`, content blocks, a `CallToolResult`, or a `Result` of one of these whose error implements `Display`",
    note = "for data, return `Json(value)`"
)]
pub trait IntoToolResult {
    /// The JSON Schema of the data in the result, if there is one.
    fn output_schema() -> Option<Map<String, Value>> {
        None
    }

    /// Converts the handler's return value into the result.
    fn into_tool_result(self) -> ToolResult;
}

/// Structured data as the result of a tool: `structuredContent`, and the same JSON as a text block for clients that do
/// not support it.
///
/// Spec: server/tools#structured-content
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "a plain wrapper")]
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema> IntoToolResult for Json<T> {
    fn output_schema() -> Option<Map<String, Value>> {
        output_schema::<T>()
    }

    fn into_tool_result(self) -> ToolResult {
        ToolResult(match serde_json::to_string(&self.0) {
            Ok(json) => Repr::Data(json),
            Err(error) => Repr::Error(Box::new(internal(error))),
        })
    }
}

impl<T: IntoToolResult, E: Display + 'static> IntoToolResult for Result<T, E> {
    fn output_schema() -> Option<Map<String, Value>> {
        T::output_schema()
    }

    fn into_tool_result(self) -> ToolResult {
        match self {
            Ok(result) => result.into_tool_result(),
            Err(error) => match protocol_error(&error) {
                Some(error) => error.into(),
                // With the alternate form, error types such as those of `anyhow` include their causes.
                None => CallToolResult::error(format!("{error:#}")).into(),
            },
        }
    }
}

macro_rules! into_tool_result {
    ($($from:ty: |$value:ident| $repr:expr;)+) => {
        $(
            impl From<$from> for ToolResult {
                fn from($value: $from) -> Self {
                    Self($repr)
                }
            }

            impl IntoToolResult for $from {
                fn into_tool_result(self) -> ToolResult {
                    self.into()
                }
            }
        )+
    };
}

into_tool_result! {
    String: |text| Repr::Text(text.into());
    &'static str: |text| Repr::Text(text.into());
    (): |_none| Repr::Result(Box::new(CallToolResult::new().into()));
    ContentBlock: |block| Repr::Result(Box::new(CallToolResult::new().with_content([block]).into()));
    Vec<ContentBlock>: |blocks| Repr::Result(Box::new(CallToolResult::new().with_content(blocks).into()));
    CallToolResult: |result| Repr::Result(Box::new(result.into()));
    InputRequiredResult: |result| Repr::Result(Box::new(Outcome::InputRequired(result)));
    Outcome<CallToolResult>: |outcome| Repr::Result(Box::new(outcome));
    ErrorObject: |error| Repr::Error(Box::new(error));
}

impl IntoToolResult for ToolResult {
    fn into_tool_result(self) -> ToolResult {
        self
    }
}

impl ToolResult {
    fn answer(self, reply: &Reply) -> Answer {
        match self.0 {
            Repr::Text(text) => write(reply, &text, None),
            // Spec: server/tools#structured-content. Any JSON since 2026-07-28, before that an object.
            Repr::Data(json) => {
                let is_data = reply.is_modern() || json.starts_with('{');
                write(reply, &json, is_data.then_some(&json))
            }
            Repr::Result(outcome) => reply.outcome(*outcome),
            Repr::Error(error) => Err(*error),
        }
    }
}

/// Writes a result with one block of text, and perhaps data.
fn write(reply: &Reply, text: &str, data: Option<&str>) -> Result<RawJson, ErrorObject> {
    const BEFORE_TEXT: &[u8] = br#"{"content":[{"type":"text","text":"#;
    const BEHIND_TEXT: &[u8] = b"}]";
    const BEFORE_DATA: &[u8] = br#","structuredContent":"#;
    /// The length of the longest text for whose escapes no memory is reserved.
    const SHORT_TEXT: usize = 1024;
    // Exact for a short text without escapes, so that the memory is shared without another allocation.
    let escapes = if text.len() <= SHORT_TEXT { 0 } else { text.len() / 8 };
    let size = BEFORE_TEXT.len() + 2 + text.len() + escapes + BEHIND_TEXT.len();
    let data_size = data.map_or(0, |data| BEFORE_DATA.len() + data.len());
    let mut out = Vec::with_capacity(size + data_size + reply.end_len());
    out.extend_from_slice(BEFORE_TEXT);
    serde_json::to_writer(&mut out, text).map_err(internal)?;
    out.extend_from_slice(BEHIND_TEXT);
    if let Some(data) = data {
        out.extend_from_slice(BEFORE_DATA);
        out.extend_from_slice(data.as_bytes());
    }
    Ok(reply.finish(out))
}

/// A tool as listed, and its handler.
pub(crate) fn tool<A, M, H>(name: String, description: String, handler: H) -> (Tool, ErasedHandler)
where
    A: DeserializeOwned + JsonSchema + Send + 'static,
    H: Handler<A, M>,
    H::Output: IntoToolResult,
{
    let arguments = Arguments::of::<A>();
    let decode = arguments.decoder::<A>();
    let mut tool = Tool::new(name, arguments.schema).with_description(description);
    tool.output_schema = H::Output::output_schema();
    let run: ErasedHandler = Box::new(move |incoming| {
        let reply = incoming.reply();
        let arguments = match incoming.arguments(&decode)? {
            Ok(arguments) => arguments,
            // An error of the tool, not of the protocol, so that the model can correct the call.
            Err(error) => {
                let result = CallToolResult::error(format!("invalid arguments: {error}"));
                return reply.result(result).map(Started::Answered);
            }
        };
        let mut context = None;
        let future = handler.call(arguments, &mut || context.insert(incoming.context()).clone());
        let work = Box::pin(async move { future.await.into_tool_result().answer(&reply) });
        Ok(Started::Working { work, context })
    });
    (tool, run)
}

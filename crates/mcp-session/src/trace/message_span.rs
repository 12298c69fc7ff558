//! A span that lasts from a message to its outcome.

use std::{any::Any, fmt};

use mcp_core::{CallToolResult, ErrorObject, RawJson};
use tracing::Span;

use super::text::cut;
use crate::Error;

/// A message whose span ends with its outcome, or as cancelled.
#[derive(Debug)]
pub(crate) struct MessageSpan {
    span: Span,
    has_id: bool,
    is_over: bool,
}

impl From<Span> for MessageSpan {
    fn from(span: Span) -> Self {
        Self { is_over: span.is_disabled(), span, has_id: false }
    }
}

impl MessageSpan {
    /// Whether no subscriber records the span.
    pub(crate) fn is_disabled(&self) -> bool {
        self.span.is_disabled()
    }

    /// The span to do the work in.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Records the id of the request; for several, such as rounds of one call, the first.
    pub(crate) fn set_id(&mut self, id: impl fmt::Display) {
        if !self.is_over && !std::mem::replace(&mut self.has_id, true) {
            self.span.record("jsonrpc.request.id", cut(&id.to_string()));
        }
    }

    /// Ends the span with the outcome of a client message.
    pub(crate) fn ended<R: 'static>(&mut self, outcome: &Result<R, Error>) {
        match outcome {
            Ok(result) => self.done(result),
            Err(error) => self.failed(error),
        }
    }

    /// Ends the span with the result of a client message.
    pub(crate) fn done<R: 'static>(&mut self, result: &R) {
        if !self.is_over && is_tool_error(result) {
            self.end_with("tool_error");
        }
        self.is_over = true;
    }

    /// Ends the span with the error of a client message.
    pub(crate) fn failed(&mut self, error: &Error) {
        match error.answer() {
            _ if self.is_over => {}
            Some(answer) => self.refused(answer),
            None => self.end_with(error.kind().span_name()),
        }
    }

    /// Ends the span with the response to a server request.
    pub(crate) fn answered(&mut self, outcome: &Result<RawJson, ErrorObject>) {
        match outcome {
            Ok(_) => self.is_over = true,
            Err(error) => self.refused(error),
        }
    }

    fn refused(&mut self, error: &ErrorObject) {
        if !self.is_over {
            let code = error.code.to_string();
            self.span.record("rpc.response.status_code", &*code);
            self.end_with(&code);
        }
    }

    fn end_with(&mut self, kind: &str) {
        self.is_over = true;
        self.span.record("error.type", kind);
        self.span.record("otel.status_code", "ERROR");
    }
}

impl Drop for MessageSpan {
    fn drop(&mut self) {
        if !self.is_over {
            self.end_with("cancelled");
        }
    }
}

fn is_tool_error<R: 'static>(result: &R) -> bool {
    #[derive(serde::Deserialize)]
    struct Raw {
        #[serde(rename = "isError")]
        is_error: bool,
    }
    let result: &dyn Any = result;
    if let Some(result) = result.downcast_ref::<CallToolResult>() {
        return result.is_error == Some(true);
    }
    let raw = result.downcast_ref::<RawJson>();
    raw.and_then(|raw| raw.decode().ok()).is_some_and(|Raw { is_error }| is_error)
}

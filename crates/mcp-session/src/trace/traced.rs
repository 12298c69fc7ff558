//! One span, from the message to what came of it.

use std::{any::Any, fmt};

use mcp_core::{CallToolResult, ErrorObject, RawJson};
use tracing::Span;

use super::text::cut;
use crate::Error;

/// A message whose span ends with what comes of it, or as cancelled.
#[derive(Debug)]
pub(crate) struct Traced {
    span: Span,
    has_id: bool,
    is_over: bool,
}

impl From<Span> for Traced {
    fn from(span: Span) -> Self {
        Self { is_over: span.is_disabled(), span, has_id: false }
    }
}

impl Traced {
    /// To do the work in.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The id of the request; of several, such as rounds of one call, the first counts.
    pub(crate) fn has_id(&mut self, id: impl fmt::Display) {
        if !self.is_over && !std::mem::replace(&mut self.has_id, true) {
            self.span.record("jsonrpc.request.id", cut(&id.to_string()));
        }
    }

    /// What came of a message of ours.
    pub(crate) fn ended<R: 'static>(&mut self, outcome: &Result<R, Error>) {
        match outcome {
            Ok(result) => self.done(result),
            Err(error) => self.lost(error),
        }
    }

    /// The result of a message of ours.
    pub(crate) fn done<R: 'static>(&mut self, result: &R) {
        if !self.is_over && is_tool_error(result) {
            self.failed("tool_error");
        }
        self.is_over = true;
    }

    /// Why a message of ours has no result.
    pub(crate) fn lost(&mut self, error: &Error) {
        match error.answer() {
            _ if self.is_over => {}
            Some(answer) => self.refused(answer),
            None => self.failed(error.kind().span_name()),
        }
    }

    /// What was answered to a request of the server's.
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
            self.failed(&code);
        }
    }

    fn failed(&mut self, kind: &str) {
        self.is_over = true;
        self.span.record("error.type", kind);
        self.span.record("otel.status_code", "ERROR");
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if !self.is_over {
            self.failed("cancelled");
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

//! What the rest of the crate needs of a session.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
};

use mcp_core::{CallToolResult, Era, ErrorObject, InputRequiredResult, ListToolsResult};
use mcp_transport::{Binding, Delivery};

use crate::{
    Error, ErrorKind, Extension, Session, answering::Answering, cache::SessionCache,
    handlers::ProgressHandler, logging::LogLevel, output::Outputs, param_headers::Annotated,
    params::CommonMeta, subscribe::Hub, trace::Tracing,
};

impl Session {
    pub(crate) fn common_meta(&self) -> &CommonMeta {
        &self.inner.meta
    }

    pub(crate) fn next_id(&self) -> i64 {
        self.inner.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn error(&self, kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(kind, Arc::clone(&self.inner.server), message)
    }

    pub(crate) fn unsendable(
        &self,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        self.error(ErrorKind::Arguments, "the parameters cannot be sent")
            .with_delivery(Delivery::NotSent)
            .with_source(error)
    }

    pub(crate) fn answering(&self) -> &Answering {
        self.inner.incoming.answering()
    }

    pub(crate) fn on_progress(&self) -> Option<&ProgressHandler> {
        self.inner.options.handlers.progress.as_ref()
    }

    /// Whether arguments of tools are repeated in headers, as the modern era does over HTTP.
    pub(crate) fn sends_headers(&self) -> bool {
        self.connection().binding == Binding::StreamableHttp && self.era() == Era::Modern
    }

    /// What is known of the tools is out of date.
    pub(crate) fn tools_changed(&self) {
        if let Some(cache) = self.cache() {
            cache.tools_changed();
        }
    }

    pub(crate) fn cache(&self) -> Option<&Arc<SessionCache>> {
        self.inner.notices.cache.as_ref()
    }

    /// Remembers which arguments of these tools are repeated in headers, and what their results are.
    pub(crate) fn learn(&self, list: &mut ListToolsResult) {
        if self.sends_headers() {
            self.inner.param_table.learn(&self.inner.server, list);
        }
        self.inner.outputs.learn(list);
    }

    pub(crate) fn outputs(&self) -> &Outputs {
        &self.inner.outputs
    }

    pub(crate) fn bad_result(
        &self,
        kind: ErrorKind,
        result: CallToolResult,
        message: String,
    ) -> Error {
        Error::from_result(kind, Arc::clone(&self.inner.server), result, message)
    }

    /// The arguments of a tool that are repeated in headers, if there are any.
    pub(crate) fn annotated(
        &self,
        tool: impl FnOnce() -> Option<String>,
    ) -> Option<Arc<[Annotated]>> {
        self.inner.param_table.of(tool)
    }

    pub(crate) fn tracing(&self) -> &Tracing {
        &self.inner.tracing
    }

    pub(crate) fn log_level(&self) -> &LogLevel {
        &self.inner.log_level
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    pub(crate) fn extensions(&self) -> &[Arc<dyn Extension>] {
        &self.inner.options.extensions
    }

    pub(crate) fn max_rounds(&self) -> u32 {
        self.inner.options.max_rounds
    }

    /// An error of the transport.
    pub(crate) fn below(&self, error: mcp_transport::Error) -> Error {
        Error::from_transport(Arc::clone(&self.inner.server), error)
    }

    /// An error that the server answered with.
    pub(crate) fn refused(&self, error: ErrorObject) -> Error {
        Error::from_answer(Arc::clone(&self.inner.server), error)
    }

    pub(crate) fn decode_error(&self, error: serde_json::Error) -> Error {
        Error::decode(Arc::clone(&self.inner.server), error)
    }

    pub(crate) fn input_required(&self, input: InputRequiredResult, message: String) -> Error {
        Error::from_input_required(Arc::clone(&self.inner.server), input, message)
    }
}

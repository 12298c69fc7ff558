use std::{borrow::Cow, fmt, sync::Arc};

use mcp_core::{LoggingMessageNotificationParams, RawJson};

/// A request of a server, with its context: the name of the server, and the call of ours that it belongs to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerRequest<P> {
    /// The server, by the name that errors have for it.
    pub server: Arc<str>,
    /// The call of ours that the server is working on, where that is known: always in the modern era; before
    /// it only over HTTP.
    pub call: Option<CallInfo>,
    /// The parameters.
    pub params: P,
}

impl<P> ServerRequest<P> {
    pub(crate) fn new(server: Arc<str>, call: Option<CallInfo>, params: P) -> Self {
        Self { server, call, params }
    }

    /// The same request with other parameters.
    pub(crate) fn with_params<Q>(self, params: Q) -> ServerRequest<Q> {
        ServerRequest { server: self.server, call: self.call, params }
    }
}

/// A request as it came.
#[derive(Clone)]
#[non_exhaustive]
pub struct RawRequest {
    /// The method.
    pub method: Cow<'static, str>,
    /// The parameters.
    pub params: Option<RawJson>,
}

impl RawRequest {
    pub(crate) fn new(method: Cow<'static, str>, params: Option<RawJson>) -> Self {
        Self { method, params }
    }
}

impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A call of ours that a server is working on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// Its method.
    pub method: Cow<'static, str>,
    /// The tool or prompt by its name, or the resource by its URI.
    pub target: Option<String>,
}

impl CallInfo {
    pub(crate) fn new(method: Cow<'static, str>, target: Option<String>) -> Self {
        Self { method, target }
    }
}

/// A log message of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogMessage {
    /// The server, by the name that errors have for it.
    pub server: Arc<str>,
    /// The call of ours that the server is working on, which is known over HTTP only.
    pub call: Option<CallInfo>,
    /// The message, its level and its logger.
    pub params: LoggingMessageNotificationParams,
}

impl LogMessage {
    pub(crate) fn new(
        server: Arc<str>,
        call: Option<CallInfo>,
        params: LoggingMessageNotificationParams,
    ) -> Self {
        Self { server, call, params }
    }
}

use std::{borrow::Cow, fmt, sync::Arc};

use mcp_core::{LoggingMessageNotificationParams, RawJson};

/// A request of a server, with the name of the server and the client's call that it belongs to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerRequest<P> {
    /// The name of the server, as in errors.
    pub server: Arc<str>,
    /// The client's call that the server is working on, if known: always in the modern era, in the legacy era only over
    /// HTTP.
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

/// An untyped request.
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

/// A call of the client that a server is working on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// The method.
    pub method: Cow<'static, str>,
    /// The tool or prompt name, or the resource URI.
    pub target: Option<String>,
    /// The number that the call was given with [`Call::tag`](crate::Call::tag).
    pub tag: Option<u64>,
}

impl CallInfo {
    pub(crate) fn new(method: Cow<'static, str>, target: Option<String>) -> Self {
        Self { method, target, tag: None }
    }
}

/// A log message of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogMessage {
    /// The name of the server, as in errors.
    pub server: Arc<str>,
    /// The client's call that the server is working on, known only over HTTP.
    pub call: Option<CallInfo>,
    /// The message, with its level and logger.
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

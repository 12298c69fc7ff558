//! The reserved keys of `_meta`. [`Meta`](crate::Meta) has typed accessors for them.
//!
//! Spec: [`_meta`](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#_meta)

/// The token for progress notifications of a request.
pub const PROGRESS_TOKEN: &str = "progressToken";
/// The protocol version of a request. Required on every request since 2026-07-28.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// The capabilities of the client. Required on every request since 2026-07-28.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// The name and version of the client. On requests since 2026-07-28.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// The minimum level of log messages for a request. Since 2026-07-28, deprecated.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// The name and version of the server. On results since 2026-07-28.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// The id of the `subscriptions/listen` request. On the messages of a subscription since 2026-07-28.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// The task that a message belongs to. Only in 2025-11-25.
pub const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
/// The position of a message in a trace, in the format of W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";
/// Vendor-specific data of the trace, in the format of W3C Trace Context.
pub const TRACESTATE: &str = "tracestate";
/// Application-defined data of the trace, in the format of W3C Baggage.
pub const BAGGAGE: &str = "baggage";

//! The keys of `_meta` that the protocol reserves; [`Meta`](crate::Meta) reads and sets them.
//!
//! Spec: basic/index#_meta

/// The token by which progress of the request is to be reported.
pub const PROGRESS_TOKEN: &str = "progressToken";
/// The revision a request is written in. On every request since 2026-07-28.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// What the client can do. On every request since 2026-07-28.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Which program the client is. On requests since 2026-07-28.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// The least severe log messages wanted. On requests since 2026-07-28, deprecated there.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// Which program the server is. On results since 2026-07-28.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// The id of the `subscriptions/listen` request. On its messages since 2026-07-28.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// The task that a message belongs to. In 2025-11-25 alone.
pub const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
/// The trace that a message belongs to, as in W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";
/// More about that trace, as in W3C Trace Context.
pub const TRACESTATE: &str = "tracestate";
/// What travels with that trace, as in W3C Baggage.
pub const BAGGAGE: &str = "baggage";

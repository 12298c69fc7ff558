//! The HTTP headers of the protocol, in the lower case that HTTP libraries want for constants.
//!
//! Spec: basic/transports/streamable-http

/// `MCP-Protocol-Version`: the revision of the request. Since 2025-06-18.
pub const MCP_PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// `Mcp-Session-Id`: the session, as the server named it. From 2025-03-26 until 2025-11-25.
pub const MCP_SESSION_ID: &str = "mcp-session-id";
/// `Mcp-Method`: the method of the request in the body. Since 2026-07-28.
pub const MCP_METHOD: &str = "mcp-method";
/// `Mcp-Name`: the tool, the prompt or the URI of the resource. Since 2026-07-28.
pub const MCP_NAME: &str = "mcp-name";
/// `Mcp-Param-`: what begins the name of a header that repeats an argument. Since 2026-07-28.
pub const MCP_PARAM_PREFIX: &str = "mcp-param-";
/// `Last-Event-ID`: the last event seen on the stream to go on with. From 2025-03-26 until 2025-11-25.
pub const LAST_EVENT_ID: &str = "last-event-id";

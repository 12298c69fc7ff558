//! The HTTP headers of the protocol, in lower case, as HTTP libraries require for constants.
//!
//! Spec: [Streamable
//! HTTP](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http); removed
//! headers: [Transports](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports)

/// `MCP-Protocol-Version`: the protocol version of the request. Since 2025-06-18.
pub const MCP_PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// `Mcp-Session-Id`: the id of the session, assigned by the server. From 2025-03-26 to 2025-11-25.
pub const MCP_SESSION_ID: &str = "mcp-session-id";
/// `Mcp-Method`: the method of the request in the body. Since 2026-07-28.
pub const MCP_METHOD: &str = "mcp-method";
/// `Mcp-Name`: the name of the tool or prompt, or the URI of the resource. Since 2026-07-28.
pub const MCP_NAME: &str = "mcp-name";
/// `Mcp-Param-`: the prefix of headers that repeat an argument. Since 2026-07-28.
pub const MCP_PARAM_PREFIX: &str = "mcp-param-";
/// `Last-Event-ID`: the id of the last received event, to resume a stream. From 2025-03-26 to 2025-11-25.
pub const LAST_EVENT_ID: &str = "last-event-id";

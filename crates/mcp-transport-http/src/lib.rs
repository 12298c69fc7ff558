//! MCP over Streamable HTTP, in both protocol eras.

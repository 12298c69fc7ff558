//! MCP to a server in the same process: a direct call, no bytes.

//! Reach any MCP server from Rust: names a target, infers the transport, opens a session.

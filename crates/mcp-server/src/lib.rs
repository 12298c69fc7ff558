//! A small in-process MCP server.

//! MCP over the standard streams of a child process.

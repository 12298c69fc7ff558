//! The contract between MCP transports and the layers above them.

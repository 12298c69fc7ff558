//! Contract tests and hostile peers for MCP transports.

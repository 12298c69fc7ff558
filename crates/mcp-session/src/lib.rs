//! MCP sessions over any transport: negotiation, typed calls, progress, cancellation.

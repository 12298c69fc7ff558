"""A server made with the official Python SDK, line 1 (`mcp` 1.x, FastMCP): legacy era only."""

import sys

sys.dont_write_bytecode = True

import common
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.exceptions import ToolError


def server(port=0, options=frozenset(), path="/sse"):
    events = "events" in options
    made = FastMCP(
        "mcp1",
        instructions="the tools of the peers",
        port=port,
        sse_path=path,
        log_level="WARNING",
        json_response="json" in options,
        stateless_http="stateless" in options,
        event_store=common.memory_event_store() if events else None,
        retry_interval=100 if events else None,
    )
    common.register(made, Context, ToolError, events)
    return made


common.main(
    stdio=lambda: server().run(),
    http=lambda port, options: server(port, options).streamable_http_app(),
    sse=lambda port, path: server(port, path=path).sse_app(),
)

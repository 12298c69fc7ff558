"""A server made with `fastmcp` 4.x (the independent package): both eras."""

import os
import sys

sys.dont_write_bytecode = True

import common
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.skills.provider import SkillsDirectoryProvider
from fastmcp.tools.base import ToolResult


def server(events=False, cache=False):
    hints = {"cache_ttl": 3600, "cache_scope": "public"} if cache else {}
    made = FastMCP("fastmcp4", instructions="the tools of the peers", **hints)
    common.register(made, Context, ToolError, events)
    if "MCP_DATA" in os.environ:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

        @made.tool(output_schema=schema)
        def lies() -> ToolResult:
            """Gives what its schema forbids."""
            return ToolResult(content="seven", structured_content={"n": "seven"})

    # A folder of skills, as it is at the time of a request.
    if folder := os.environ.get("SKILLS"):
        made.add_provider(SkillsDirectoryProvider(folder, reload=True))
    return made


def http(port, options):
    events = "events" in options
    return server(events, "cache" in options).http_app(
        path="/mcp",
        json_response="json" in options,
        stateless_http="stateless" in options,
        event_store=common.memory_event_store() if events else None,
        retry_interval=100 if events else None,
    )


common.main(
    stdio=lambda: server().run(show_banner=False),
    http=http,
    sse=lambda port, path: server().http_app(path=path, transport="sse"),
)

"""A server made with the official Python SDK, line 2 (`mcp` 2.x, MCPServer): both eras."""

import sys

sys.dont_write_bytecode = True

import common
from mcp.server.caching import CACHEABLE_METHODS, CacheHint
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from opentelemetry.trace import get_current_span


def server(events=False, cache=False):
    hint = CacheHint(ttl_ms=3_600_000, scope="public")
    hints = {method: hint for method in CACHEABLE_METHODS} if cache else None
    made = MCPServer(
        "mcp2", instructions="the tools of the peers", log_level="WARNING", cache_hints=hints
    )
    common.register(made, Context, ToolError, events)

    @made.tool()
    async def change(uri: str, ctx: Context) -> str:
        """Says that the list of tools and this resource have changed."""
        session = ctx.request_context.session
        if session.protocol_version < "2026":
            await session.send_tool_list_changed()
            await session.send_resource_updated(uri)
        else:
            await ctx.notify_tools_changed()
            await ctx.notify_resource_updated(uri)
        return "changed"

    @made.tool()
    def trace(ctx: Context) -> str:
        """Returns the trace and the parent that the SDK has read from `_meta`, and the header."""
        span = get_current_span().get_span_context()
        header = (ctx.headers or {}).get("traceparent", "none")
        return f"{span.trace_id:032x} {span.span_id:016x} {header}"

    if cache:
        changes(made)
    return made


def changes(made):
    @made.tool()
    async def grow(ctx: Context) -> str:
        """Adds the tool `grown`, and says that the list has changed."""

        @made.tool()
        def grown() -> str:
            return "grown"

        await ctx.notify_tools_changed()
        return "done"

    @made.tool()
    async def touch(uri: str, ctx: Context) -> str:
        """Says that the resource was updated."""
        await ctx.notify_resource_updated(uri)
        return "done"


def http(port, options):
    events = "events" in options
    return server(events, "cache" in options).streamable_http_app(
        json_response="json" in options,
        stateless_http="stateless" in options,
        event_store=common.memory_event_store() if events else None,
        retry_interval=100 if events else None,
    )


common.main(
    stdio=lambda: server().run(),
    http=http,
    sse=lambda port, path: server().sse_app(sse_path=path),
)

"""What the Python peers share: the tools, an event store, and the command line.

Command line of every peer:

    peer stdio                                        (the default)
    peer http PORT [json] [stateless] [events] [cache]    Streamable HTTP at /mcp
    peer sse PORT [PATH]                              HTTP+SSE at PATH, or /sse

PORT 0 takes a free port. Once the socket accepts connections the peer writes the
line `listening on http://127.0.0.1:PORT/PATH` to stderr.

`json`: JSON answers instead of streams. `stateless`: no sessions. `events`: an
event store, so that streams can be resumed, and the tool `poll`. `cache`: in the modern
era everybody may keep lists and resources for an hour; where the server can tell of
changes there are the tools `grow`, which adds the tool `grown`, and `touch`, which says
that a resource was updated.

Where the environment has MCP_NOTES, there is the tool `note`, which appends to that file.
Where it has MCP_DATA, there are tools with structured results, and the prompt `review`, whose
arguments can be completed.
"""

import os
import socket
import sys

import anyio
from pydantic import BaseModel


def register(server, context, error, events=False):
    """Adds the tools, resources and the prompt that every peer offers.

    `server` has the decorators `tool`, `resource` and `prompt`; `context` is the
    class whose name in a signature asks for the request's context; `error` is what
    a tool raises to fail.
    """

    @server.tool()
    def echo(text: str) -> str:
        """Returns the text."""
        return text

    @server.tool()
    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    @server.tool()
    async def slow(steps: int, ms: int, ctx: context) -> str:
        """Reports progress `steps` times, each after `ms` milliseconds."""
        for step in range(1, steps + 1):
            await anyio.sleep(ms / 1000)
            await ctx.report_progress(step, steps, f"step {step}")
        return "done"

    @server.tool()
    def fail(message: str) -> str:
        """Fails with the message."""
        raise error(message)

    @server.tool()
    def big(bytes: int) -> str:
        """Returns a text of so many characters."""
        return "x" * bytes

    @server.tool()
    async def wait(ms: int) -> str:
        """Sleeps; says `waiting` on stderr, and `cancelled` when it is cut short."""
        print("waiting", file=sys.stderr, flush=True)
        try:
            await anyio.sleep(ms / 1000)
        except anyio.get_cancelled_exc_class():
            print("cancelled", file=sys.stderr, flush=True)
            raise
        return "waited"

    if events:

        @server.tool()
        async def poll(ctx: context) -> str:
            """Closes the call's stream half-way: the answer is for a resumed one."""
            await ctx.report_progress(1, 2, "before")
            await ctx.close_sse_stream()
            await anyio.sleep(0.2)
            await ctx.report_progress(2, 2, "after")
            return "resumed"

    if notes := os.environ.get("MCP_NOTES"):

        @server.tool()
        def note(text: str) -> str:
            """Appends a line with the text to the file of notes, and returns it."""
            with open(notes, "a") as file:
                file.write(f"{text}\n")
            return text

    if "MCP_DATA" in os.environ:
        register_data(server)

    @server.resource("test://greeting", mime_type="text/plain")
    def greeting() -> str:
        return "hello"

    @server.resource("test://item/{id}", mime_type="text/plain")
    def item(id: str) -> str:
        return f"item {id}"

    @server.prompt()
    def greet(name: str) -> str:
        """Greets somebody."""
        return f"Hello, {name}!"


class Author(BaseModel):
    name: str
    born: int | None = None


class Book(BaseModel):
    title: str
    authors: list[Author]
    price: float


def register_data(server):
    """Adds tools with structured results, and completion."""
    from mcp.types import Completion

    dune = Book(title="Dune", authors=[Author(name="Frank Herbert", born=1920)], price=9.5)

    @server.tool()
    def book() -> Book:
        """Gives an object."""
        return dune

    @server.tool()
    def books(count: int) -> list[Book]:
        """Gives a list of objects."""
        return [dune] * count

    @server.tool()
    def count() -> int:
        """Gives a number."""
        return 42

    @server.tool()
    def find(found: bool) -> Book | None:
        """Gives an object or null."""
        return dune if found else None

    @server.prompt()
    def review(language: str, framework: str) -> str:
        """Reviews code."""
        return f"Review this {language} code made with {framework}."

    @server.completion()
    async def complete(ref, argument, context):
        settled = (context.arguments if context else None) or {}
        offered = FRAMEWORKS.get(settled.get("language"), [])
        return Completion(values=[it for it in offered if it.startswith(argument.value)])


FRAMEWORKS = {"python": ["flask", "fastapi"], "rust": ["axum", "actix"]}


def memory_event_store():
    """An event store that keeps everything."""
    from mcp.server.streamable_http import EventMessage, EventStore

    class Memory(EventStore):
        def __init__(self):
            self.events = []

        async def store_event(self, stream_id, message):
            self.events.append((stream_id, message))
            return str(len(self.events))

        async def replay_events_after(self, last_event_id, send_callback):
            start = int(last_event_id)
            if not 0 < start <= len(self.events):
                return None
            stream = self.events[start - 1][0]
            for number, (stream_id, message) in enumerate(self.events[start:], start + 1):
                if stream_id == stream and message is not None:
                    await send_callback(EventMessage(message, str(number)))
            return stream

    return Memory()


def main(stdio, http, sse):
    """Reads the command line and serves.

    `stdio()` serves; `http(port, options)` and `sse(port, path)` return an ASGI app.
    """
    form, *rest = sys.argv[1:] or ["stdio"]
    if form == "stdio":
        return stdio()
    listener = socket.create_server(("127.0.0.1", int(rest[0])))
    port = listener.getsockname()[1]
    if form == "http":
        options = set(rest[1:])
        assert options <= {"json", "stateless", "events", "cache"}, options
        return serve(http(port, options), listener, "/mcp")
    assert form == "sse", form
    path = rest[1] if len(rest) > 1 else "/sse"
    serve(sse(port, path), listener, path)


def serve(app, listener, path):
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets=sockets)
            port = listener.getsockname()[1]
            print(f"listening on http://127.0.0.1:{port}{path}", file=sys.stderr, flush=True)

    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    Server(config).run(sockets=[listener])

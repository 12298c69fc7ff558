"""A client made with the official Python SDK, line 2: `mcp2.py MODE COMMAND ARGS...`, or `MODE URL`.

Connects to the server that the command starts, or at the URL, in the mode `auto` or `legacy`, makes every kind of
call, and prints what it got as one object of JSON, as each client here does.
"""

import asyncio
import json
import sys

from mcp import Client
from mcp.client.stdio import StdioServerParameters


async def main(mode, command, *args):
    seen = []

    async def progress(progress, total, message):
        seen.append([progress, total, message])

    is_url = command.startswith("http")
    server = command if is_url else StdioServerParameters(command=command, args=list(args))
    async with Client(server, mode=mode) as client:
        tools = (await client.list_tools()).tools
        echo = await client.call_tool("echo", {"text": "hello"})
        failed = await client.call_tool("fail", {"message": "no paper"})
        await client.call_tool("slow", {"steps": 3, "ms": 1}, progress_callback=progress)
        greeting = await client.read_resource("test://greeting")
        templates = (await client.list_resource_templates()).resource_templates
        prompt = await client.get_prompt("greet", {"name": "Ann"})
        got = {
            "version": client.protocol_version,
            "server": client.server_info.name,
            "tools": sorted(tool.name for tool in tools),
            "echo": echo.content[0].text,
            "failed": [failed.is_error, failed.content[0].text],
            "progress": seen,
            "greeting": greeting.contents[0].text,
            "templates": [template.uri_template for template in templates],
            "prompt": prompt.messages[0].content.text,
        }
    print(json.dumps(got))


asyncio.run(main(*sys.argv[1:]))

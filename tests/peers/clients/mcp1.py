"""A client made with the official Python SDK, line 1: see `mcp2.py`. It knows the legacy era alone."""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def main(_mode, command, *args):
    seen = []

    async def progress(progress, total, message):
        seen.append([progress, total, message])

    if command.startswith("http"):
        opening = streamablehttp_client(command)
    else:
        opening = stdio_client(StdioServerParameters(command=command, args=list(args)))
    async with opening as streams, ClientSession(*streams[:2]) as client:
        hello = await client.initialize()
        tools = (await client.list_tools()).tools
        echo = await client.call_tool("echo", {"text": "hello"})
        failed = await client.call_tool("fail", {"message": "no paper"})
        await client.call_tool("slow", {"steps": 3, "ms": 1}, progress_callback=progress)
        greeting = await client.read_resource("test://greeting")
        templates = (await client.list_resource_templates()).resourceTemplates
        prompt = await client.get_prompt("greet", {"name": "Ann"})
        got = {
            "version": hello.protocolVersion,
            "server": hello.serverInfo.name,
            "tools": sorted(tool.name for tool in tools),
            "echo": echo.content[0].text,
            "failed": [failed.isError, failed.content[0].text],
            "progress": seen,
            "greeting": greeting.contents[0].text,
            "templates": [template.uriTemplate for template in templates],
            "prompt": prompt.messages[0].content.text,
        }
    print(json.dumps(got))


asyncio.run(main(*sys.argv[1:]))

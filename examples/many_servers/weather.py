"""A server of one tool, one resource and one template: `pip install mcp`."""

import json
import sys

from mcp.server.mcpserver import MCPServer

FORECAST = {"Lisbon": "sunny", "Oslo": "snow"}
server = MCPServer("weather", instructions="Forecasts for two cities.", log_level="ERROR")


@server.tool()
def forecast(city: str) -> str:
    """Tells tomorrow's weather in a city."""
    print(f"asked for {city}", file=sys.stderr)
    return FORECAST.get(city, "unknown")


@server.resource("weather://cities", mime_type="application/json")
def cities() -> str:
    return json.dumps(sorted(FORECAST))


@server.resource("weather://icons/{sky}", mime_type="text/plain")
def icon(sky: str) -> str:
    return {"sunny": "☀", "snow": "❄"}.get(sky, "?")


server.run()

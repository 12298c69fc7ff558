// A server made with the middleware of Hono, which has a front of its own for Streamable HTTP.
//
// Command line: `hono http PORT`, as in `common.py`.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const installed = process.env.MCP_PEERS
  ? pathToFileURL(`${process.env.MCP_PEERS}/bridges/`)
  : new URL("../../.peers/bridges/", import.meta.url);
const require = createRequire(installed);

const { StreamableHTTPTransport } = require("@hono/mcp");
const { serve } = require("@hono/node-server");
const { McpServer } = require("@modelcontextprotocol/sdk/server/mcp.js");
const { Hono } = require("hono");
const { z } = require("zod");

const server = new McpServer({ name: "hono", version: "0.3.2" });
server.registerTool(
  "echo",
  { description: "Returns the text", inputSchema: { text: z.string() } },
  ({ text }) => ({ content: [{ type: "text", text }] }),
);
const transport = new StreamableHTTPTransport();
const connected = server.connect(transport);
const app = new Hono();
app.all("/mcp", async (context) => {
  await connected;
  return transport.handleRequest(context);
});
const port = Number(process.argv[3]);
serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, ({ port }) => {
  console.error(`listening on http://127.0.0.1:${port}/mcp`);
});

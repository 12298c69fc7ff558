// A server made with the official TypeScript SDK, line 1: legacy era only.

import { randomUUID } from "node:crypto";
import { MemoryEvents, main, register, require, sessions, tools } from "./common.mjs";

const { McpServer, ResourceTemplate } = require("@modelcontextprotocol/sdk/server/mcp.js");
const { StdioServerTransport } = require("@modelcontextprotocol/sdk/server/stdio.js");
const { StreamableHTTPServerTransport } = require("@modelcontextprotocol/sdk/server/streamableHttp.js");
const { SSEServerTransport } = require("@modelcontextprotocol/sdk/server/sse.js");
const { z } = require("zod");

function server(events = false) {
  const made = new McpServer(
    { name: "ts1", version: "1.32.2" },
    { instructions: "the tools of the peers" },
  );
  for (const [name, description, inputSchema, run] of tools(z, events)) {
    made.registerTool(name, { description, inputSchema }, (args, extra) => run(args, call(extra)));
  }
  register(made, ResourceTemplate, { name: z.string() });
  return made;
}

const call = (extra) => ({
  signal: extra.signal,
  closeStream: () => extra.closeSSEStream?.(),
  progress: async (progress, total, message) => {
    const progressToken = extra._meta?.progressToken;
    if (progressToken === undefined) return;
    const params = { progressToken, progress, total, message };
    await extra.sendNotification({ method: "notifications/progress", params });
  },
});

function http(options) {
  const enableJsonResponse = options.has("json");
  if (options.has("stateless")) {
    return async (req, res) => {
      const transport = new StreamableHTTPServerTransport({ enableJsonResponse });
      await server().connect(transport);
      await transport.handleRequest(req, res);
    };
  }
  return sessions(async (keep) => {
    const events = options.has("events");
    const transport = new StreamableHTTPServerTransport({
      enableJsonResponse,
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => keep(id, transport),
      ...(events && { eventStore: new MemoryEvents(), retryInterval: 100 }),
    });
    await server(events).connect(transport);
    return transport;
  });
}

function sse(path) {
  const known = new Map();
  return async (req, res) => {
    const { pathname, searchParams } = new URL(req.url, "http://localhost");
    if (req.method === "GET" && pathname === path) {
      const transport = new SSEServerTransport("/message", res);
      known.set(transport.sessionId, transport);
      res.on("close", () => known.delete(transport.sessionId));
      return server().connect(transport);
    }
    const transport = known.get(searchParams.get("sessionId"));
    if (!transport) return res.writeHead(404).end("no such session");
    await transport.handlePostMessage(req, res);
  };
}

main({ stdio: () => server().connect(new StdioServerTransport()), http, sse });

// A server made with the official TypeScript SDK, line 2.
//
// `stdio` and `http` serve both eras (over HTTP the legacy one without sessions, whether or not
// `stateless` is said); `http PORT events` serves the legacy era alone, with sessions.

import { randomUUID } from "node:crypto";
import { MemoryEvents, main, register, require, sessions, tools } from "./common.mjs";

const { McpServer, ResourceTemplate, createMcpHandler } = require("@modelcontextprotocol/server");
const { serveStdio } = require("@modelcontextprotocol/server/stdio");
const { NodeStreamableHTTPServerTransport, toNodeHandler } = require("@modelcontextprotocol/node");
const { z } = require("zod");

// `notify` reaches those who listen, where one server is made for each request.
function server(events = false, notify = () => undefined) {
  const made = new McpServer(
    { name: "ts2", version: "2.4.0" },
    { instructions: "the tools of the peers", capabilities: { resources: { subscribe: true } } },
  );
  for (const [name, description, shape, run] of tools(z, events)) {
    const inputSchema = z.object(shape);
    made.registerTool(name, { description, inputSchema }, (args, ctx) => run(args, call(ctx)));
  }
  const change = {
    description: "Says that the list of tools and this resource have changed.",
    inputSchema: z.object({ uri: z.string() }),
  };
  made.registerTool("change", change, async ({ uri }) => {
    made.sendToolListChanged();
    await made.server.sendResourceUpdated({ uri });
    notify()?.toolsChanged();
    notify()?.resourceUpdated(uri);
    return { content: [{ type: "text", text: "changed" }] };
  });
  register(made, ResourceTemplate, z.object({ name: z.string() }));
  return made;
}

const call = ({ mcpReq, http }) => ({
  signal: mcpReq.signal,
  closeStream: () => http?.closeSSE?.(),
  progress: async (progress, total, message) => {
    const progressToken = mcpReq._meta?.progressToken;
    if (progressToken === undefined) return;
    const params = { progressToken, progress, total, message };
    await mcpReq.notify({ method: "notifications/progress", params });
  },
});

function http(options) {
  if (!options.has("events")) {
    const responseMode = options.has("json") ? "json" : "auto";
    const handler = createMcpHandler(() => server(false, () => handler.notify), { responseMode });
    return toNodeHandler(handler);
  }
  return sessions(async (keep) => {
    const transport = new NodeStreamableHTTPServerTransport({
      enableJsonResponse: options.has("json"),
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => keep(id, transport),
      eventStore: new MemoryEvents(),
      retryInterval: 100,
    });
    await server(true).connect(transport);
    return transport;
  });
}

main({ stdio: () => serveStdio(() => server()), http });

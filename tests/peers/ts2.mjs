// A server made with the official TypeScript SDK, line 2.
//
// `stdio` and `http` serve both eras (over HTTP the legacy one without sessions, whether or not
// `stateless` is said); `http PORT events` serves the legacy era alone, with sessions.

import { randomUUID } from "node:crypto";
import { MemoryEvents, main, register, require, sessions, tools } from "./common.mjs";

const { McpServer, ResourceTemplate, completable, createMcpHandler } = require("@modelcontextprotocol/server");
const { serveStdio } = require("@modelcontextprotocol/server/stdio");
const { NodeStreamableHTTPServerTransport, toNodeHandler } = require("@modelcontextprotocol/node");
const { z } = require("zod");

// `notify` reaches those who listen, where one server is made for each request; `cache` lets them keep what
// they were told.
function server(events = false, notify = undefined, cache = false) {
  const hint = { ttlMs: 3_600_000, cacheScope: "public" };
  const made = new McpServer(
    { name: "ts2", version: "2.4.0" },
    {
      instructions: "the tools of the peers",
      capabilities: { resources: { subscribe: true } },
      ...(cache && {
        cacheHints: Object.fromEntries(cacheable.map((method) => [method, hint])),
        capabilities: {
          tools: { listChanged: true },
          resources: { listChanged: true, subscribe: true },
        },
      }),
    },
  );
  if (cache) changes(made, notify());
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
    notify?.().toolsChanged();
    notify?.().resourceUpdated(uri);
    return { content: [{ type: "text", text: "changed" }] };
  });
  register(made, ResourceTemplate, z.object({ name: z.string() }));
  if (process.env.MCP_DATA) data(made);
  return made;
}

// The tools with structured results, and completion, of `common.py`.
function data(made) {
  const author = z.object({ name: z.string(), born: z.number().int().nullable() });
  const book = z.object({ title: z.string(), authors: z.array(author), price: z.number() });
  const dune = { title: "Dune", authors: [{ name: "Frank Herbert", born: 1920 }], price: 9.5 };
  const offer = (name, shape, outputSchema, give) => {
    const inputSchema = z.object(shape);
    made.registerTool(name, { inputSchema, outputSchema }, (args) => {
      const structuredContent = give(args);
      return { content: [{ type: "text", text: JSON.stringify(structuredContent) }], structuredContent };
    });
  };
  offer("book", {}, book, () => dune);
  offer("books", { count: z.number() }, z.array(book), ({ count }) => Array(count).fill(dune));
  offer("count", {}, z.number().int(), () => 42);
  offer("find", { found: z.boolean() }, book.nullable(), ({ found }) => (found ? dune : null));
  const frameworks = { python: ["flask", "fastapi"], rust: ["axum", "actix"] };
  const framework = completable(z.string(), (value, context) =>
    (frameworks[context?.arguments?.language] ?? []).filter((it) => it.startsWith(value)),
  );
  const argsSchema = z.object({ language: z.string(), framework });
  made.registerPrompt("review", { argsSchema }, ({ language }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Review this ${language} code.` } }],
  }));
}

const cacheable = [
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
];

// Each request has a server of its own.
let hasGrown = false;

function changes(made, notify) {
  const done = { content: [{ type: "text", text: "done" }] };
  const grow = { description: "Adds the tool `grown`, and says that the list has changed." };
  made.registerTool("grow", { ...grow, inputSchema: z.object({}) }, () => {
    hasGrown = true;
    notify.toolsChanged();
    return done;
  });
  const touch = { description: "Says that the resource was updated." };
  made.registerTool("touch", { ...touch, inputSchema: z.object({ uri: z.string() }) }, (args) => {
    notify.resourceUpdated(args.uri);
    return done;
  });
  if (hasGrown) {
    made.registerTool("grown", { description: "", inputSchema: z.object({}) }, () => done);
  }
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
    const cache = options.has("cache");
    const handler = createMcpHandler(() => server(false, () => handler.notify, cache), {
      responseMode,
    });
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

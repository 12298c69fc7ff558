// What the Node peers share: where the packages are, and the command line.
//
// The packages are installed in the folder `.peers/npm` at the top of the repository, or in
// the folder `npm` of the one that MCP_PEERS names. The command line is that of `common.py`.

import { createRequire } from "node:module";
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const installed = process.env.MCP_PEERS
  ? pathToFileURL(`${process.env.MCP_PEERS}/npm/`)
  : new URL("../../.peers/npm/", import.meta.url);

export const require = createRequire(installed);

// `mode.stdio()` serves; `mode.http(options)` and `mode.sse(path)` return a handler `(req, res)`.
export function main(mode) {
  const [form = "stdio", port, ...rest] = process.argv.slice(2);
  if (form === "stdio") return mode.stdio();
  const [path, options] = form === "sse" ? [rest[0] ?? "/sse", []] : ["/mcp", rest];
  const unknown = options.filter((option) => !["json", "stateless", "events", "cache"].includes(option));
  if (!mode[form] || unknown.length) throw new Error(`cannot serve ${process.argv.slice(2)}`);
  const server = createServer(mode[form](form === "sse" ? path : new Set(options)));
  server.listen(Number(port), "127.0.0.1", () => {
    console.error(`listening on http://127.0.0.1:${server.address().port}${path}`);
  });
}

// The tools of every peer, as [name, description, arguments, handler]; a handler is given the
// arguments and `call` with `signal`, `progress(n, total, message)` and `closeStream()`.
export function tools(z, events) {
  const text = (text) => ({ content: [{ type: "text", text }] });
  const sleep = (ms, signal) =>
    new Promise((done, cancelled) => {
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        cancelled(new Error("cancelled"));
      });
    });
  const number = z.number().int();
  return [
    ["echo", "Returns the text.", { text: z.string() }, ({ text: it }) => text(it)],
    ["add", "Adds two numbers.", { a: number, b: number }, ({ a, b }) => text(`${a + b}`)],
    [
      "slow",
      "Reports progress `steps` times, each after `ms` milliseconds.",
      { steps: number, ms: number },
      async ({ steps, ms }, call) => {
        for (let step = 1; step <= steps; step += 1) {
          await sleep(ms, call.signal);
          await call.progress(step, steps, `step ${step}`);
        }
        return text("done");
      },
    ],
    [
      "fail",
      "Fails with the message.",
      { message: z.string() },
      ({ message }) => ({ ...text(message), isError: true }),
    ],
    [
      "big",
      "Returns a text of so many characters.",
      { bytes: number },
      ({ bytes }) => text("x".repeat(bytes)),
    ],
    [
      "wait",
      "Sleeps; says `waiting` on stderr, and `cancelled` when it is cut short.",
      { ms: number },
      async ({ ms }, call) => {
        console.error("waiting");
        try {
          await sleep(ms, call.signal);
        } catch (error) {
          console.error("cancelled");
          throw error;
        }
        return text("waited");
      },
    ],
    ...(process.env.MCP_NOTES
      ? [
          [
            "note",
            "Appends a line with the text to the file of notes, and returns it.",
            { text: z.string() },
            ({ text: it }) => {
              appendFileSync(process.env.MCP_NOTES, `${it}\n`);
              return text(it);
            },
          ],
        ]
      : []),
    ...(events
      ? [
          [
            "poll",
            "Closes the call's stream half-way: the answer is for a resumed one.",
            {},
            async (_, call) => {
              await call.progress(1, 2, "before");
              call.closeStream();
              await sleep(200, call.signal);
              await call.progress(2, 2, "after");
              return text("resumed");
            },
          ],
        ]
      : []),
  ];
}

// Adds the resources and the prompt of every peer; `argsSchema` says that the prompt takes a `name`.
export function register(server, ResourceTemplate, argsSchema) {
  const plain = { mimeType: "text/plain" };
  const contents = (uri, text) => ({ contents: [{ uri: uri.href, ...plain, text }] });
  server.registerResource("greeting", "test://greeting", plain, (uri) => contents(uri, "hello"));
  const items = new ResourceTemplate("test://item/{id}", { list: undefined });
  server.registerResource("item", items, plain, (uri, { id }) => contents(uri, `item ${id}`));
  server.registerPrompt("greet", { description: "Greets somebody.", argsSchema }, ({ name }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Hello, ${name}!` } }],
  }));
}

// An event store that keeps everything.
export class MemoryEvents {
  #events = [];

  async storeEvent(stream, message) {
    this.#events.push({ stream, message });
    return String(this.#events.length);
  }

  async getStreamIdForEventId(id) {
    return this.#events[Number(id) - 1]?.stream;
  }

  async replayEventsAfter(last, { send }) {
    const stream = await this.getStreamIdForEventId(last);
    for (let index = Number(last); index < this.#events.length; index += 1) {
      const event = this.#events[index];
      const isMessage = Object.keys(event.message).length > 0;
      if (event.stream === stream && isMessage) await send(String(index + 1), event.message);
    }
    return stream;
  }
}

// A handler that keeps one transport a session, made by `open(keep)`, which calls
// `keep(id, transport)` once the session has an id.
export function sessions(open) {
  const known = new Map();
  return async (req, res) => {
    const id = req.headers["mcp-session-id"];
    let transport = known.get(id);
    if (!transport && id) {
      const error = { code: -32001, message: "Session not found" };
      res.writeHead(404, { "content-type": "application/json" });
      return res.end(JSON.stringify({ jsonrpc: "2.0", id: null, error }));
    }
    transport ??= await open((id, made) => {
      known.set(id, made);
      made.onclose = () => known.delete(id);
    });
    await transport.handleRequest(req, res);
  };
}

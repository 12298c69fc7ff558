// A client made with the official TypeScript SDK, line 2: see `mcp2.py`.

import { require } from "../common.mjs";

const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");

const [mode, command, ...args] = process.argv.slice(2);
const client = new Client({ name: "ts2", version: "1" }, { versionNegotiation: { mode } });
const transport = command.startsWith("http")
  ? new StreamableHTTPClientTransport(new URL(command))
  : new StdioClientTransport({ command, args });
await client.connect(transport);

const seen = [];
const onprogress = ({ progress, total, message }) => seen.push([progress, total, message]);
// The SDK drops progress that it reads together with the answer.
const call = (name, args, options) => client.callTool({ name, arguments: args }, options);

const { tools } = await client.listTools();
const echo = await call("echo", { text: "hello" });
const failed = await call("fail", { message: "no paper" });
await call("slow", { steps: 3, ms: 1 }, { onprogress });
const greeting = await client.readResource({ uri: "test://greeting" });
const { resourceTemplates } = await client.listResourceTemplates();
const prompt = await client.getPrompt({ name: "greet", arguments: { name: "Ann" } });
const got = {
  version: client.getNegotiatedProtocolVersion(),
  server: client.getServerVersion().name,
  tools: tools.map((tool) => tool.name).sort(),
  echo: echo.content[0].text,
  failed: [failed.isError, failed.content[0].text],
  progress: seen,
  greeting: greeting.contents[0].text,
  templates: resourceTemplates.map((template) => template.uriTemplate),
  prompt: prompt.messages[0].content.text,
};
await client.close();
console.log(JSON.stringify(got));

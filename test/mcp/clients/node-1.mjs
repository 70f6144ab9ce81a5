import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { report } from "./report.mjs";

/** Client of @modelcontextprotocol/sdk, which speaks 2025-11-25. */
const [, url, ...command] = process.argv.slice(2);
const client = new Client({ name: "test", version: "1" });
const transport =
  url === "stdio"
    ? new StdioClientTransport({ command: command[0], args: command.slice(1), env: process.env })
    : new StreamableHTTPClientTransport(new URL(url));
await client.connect(transport);
await report({
  version: url === "stdio" ? "2025-11-25" : transport.protocolVersion,
  list: () => client.listTools(),
  call: (name, args, onprogress) => client.callTool({ name, arguments: args }, undefined, { onprogress }),
});
await client.close();

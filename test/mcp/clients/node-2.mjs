import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { report } from "./report.mjs";

/** Client of @modelcontextprotocol/client: of 2026-07-28 in the mode "auto", of 2025-11-25 in the mode "legacy". */
const [mode, url, ...command] = process.argv.slice(2);
const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
const transport =
  url === "stdio"
    ? new StdioClientTransport({ command: command[0], args: command.slice(1), env: process.env })
    : new StreamableHTTPClientTransport(new URL(url));
await client.connect(transport);
await report({
  version: client.getNegotiatedProtocolVersion(),
  list: () => client.listTools(),
  call: (name, args, onprogress) => client.callTool({ name, arguments: args }, { onprogress }),
});
await client.close();

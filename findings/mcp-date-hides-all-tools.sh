#!/usr/bin/env bash
# One MCP tool with a date in its input hides all tools of the server.
#
# Versions: npm @modelcontextprotocol/server 2.4.0 with /client 2.4.0, @modelcontextprotocol/sdk 1.32.2, zod 4.6.7
# Guess:    A schema without a JSON Schema equivalent is refused by registerTool(), or that one tool is left out of the list.
# Seen:     registerTool() takes it. tools/list then fails as a whole with -32603 "Date cannot be represented in JSON Schema",
#           for every client and every tool; calls of the other tools by name still work.
# Matters:  A new tool that type-checks and deploys makes an agent lose all the others; the server logs nothing.
# Source:   Model Context Protocol, "Tools", tools/list; the SDKs' documentation of registerTool (input is a Zod schema).
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" \
  @modelcontextprotocol/server@2.4.0 @modelcontextprotocol/client@2.4.0 @modelcontextprotocol/sdk@1.32.2 zod@4.6.7 > /dev/null

cat > "$tmp/check.mjs" <<'EOF'
import * as client2 from "@modelcontextprotocol/client";
import * as server2 from "@modelcontextprotocol/server";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
const generations = {
  "2.4.0": { McpServer: server2.McpServer, Client: client2.Client, InMemoryTransport: client2.InMemoryTransport },
  "1.32.2": { McpServer, Client, InMemoryTransport },
};
const answer = async () => ({ content: [{ type: "text", text: "hello" }] });
for (const [version, sdk] of Object.entries(generations)) {
  const server = new sdk.McpServer({ name: "s", version: "1" });
  server.registerTool("greet", { inputSchema: z.object({ name: z.string() }) }, answer);
  server.registerTool("remind", { inputSchema: z.object({ at: z.date() }) }, answer);
  const [one, other] = sdk.InMemoryTransport.createLinkedPair();
  const client = new sdk.Client({ name: "c", version: "1" });
  await Promise.all([server.connect(one), client.connect(other)]);
  const list = await client.listTools().then(
    ({ tools }) => tools.map(({ name }) => name).join(" "),
    (error) => `${error.code} ${error.message.replace(/^MCP error -?\d+: /, "")}`,
  );
  const { content } = await client.callTool({ name: "greet", arguments: { name: "x" } });
  console.log(version, "list:", list, "| call of greet:", content[0].text);
}
process.exit();
EOF
cat > "$tmp/recorded" <<'EOF'
2.4.0 list: -32603 Date cannot be represented in JSON Schema | call of greet: hello
1.32.2 list: -32603 Date cannot be represented in JSON Schema | call of greet: hello
EOF
node "$tmp/check.mjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"

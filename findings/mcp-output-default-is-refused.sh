#!/usr/bin/env bash
# An MCP server accepts a structured result that its own SDK's client refuses.
#
# Versions: npm @modelcontextprotocol/server 2.4.0 with /client 2.4.0, @modelcontextprotocol/sdk 1.32.2, zod 4.6.7
# Guess:    A result is checked and completed by the output schema: a default is filled in, a field too many dropped or refused by the server.
# Seen:     The server checks with Zod, which takes both, and sends the result unchanged. The schema that it advertises says
#           "required" for the field with a default and additionalProperties: false, so the client throws -32602.
#           A client that has not listed the tools first accepts the same answer.
# Matters:  A tool tested against its server alone works; through a client it fails on every call that leaves a default out.
# Source:   Model Context Protocol, "Tools", "Output Schema": servers MUST provide results that conform to the schema.
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
for (const [version, sdk] of Object.entries(generations)) {
  const server = new sdk.McpServer({ name: "s", version: "1" });
  const outputSchema = z.object({ celsius: z.number(), unit: z.string().default("C") });
  server.registerTool("measure", { outputSchema }, async () => ({ content: [], structuredContent: { celsius: 21, station: "x" } }));
  const [one, other] = sdk.InMemoryTransport.createLinkedPair();
  const client = new sdk.Client({ name: "c", version: "1" });
  await Promise.all([server.connect(one), client.connect(other)]);
  const call = () =>
    client.callTool({ name: "measure", arguments: {} }).then(
      ({ structuredContent }) => JSON.stringify(structuredContent),
      (error) => `${error.code} ${error.message.replace(/^MCP error -?\d+: /, "")}`,
    );
  console.log(version, "not listed:", await call());
  await client.listTools();
  console.log(version, "listed:", await call());
}
process.exit();
EOF
cat > "$tmp/recorded" <<'EOF'
2.4.0 not listed: {"celsius":21,"station":"x"}
2.4.0 listed: -32602 Structured content does not match the tool's output schema: data must have required property 'unit', data must NOT have additional properties
1.32.2 not listed: {"celsius":21,"station":"x"}
1.32.2 listed: -32602 Structured content does not match the tool's output schema: data must have required property 'unit', data must NOT have additional properties
EOF
node "$tmp/check.mjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FaasProcess } from "@faas/testing";
import { installNodeClients, installPythonClient, succeed } from "./installed.ts";

const NODE_CLIENT = `
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: process.argv[3] } });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
const { content } = await client.callTool({ name: "greet", arguments: { name: "you" } });
process.stdout.write(client.getNegotiatedProtocolVersion() + " " + content[0].text);
await client.close();
`;
const PYTHON_CLIENT = `
import asyncio, sys
from mcp import Client

async def main():
    async with Client(sys.argv[1], mode=sys.argv[2]) as client:
        result = await client.call_tool("greet", {"name": "you"})
        print(client.protocol_version, result.content[0].text, end="")

asyncio.run(main())
`;

test("starters of servers for agents serve clients of both generations, the first of them from zero", async () => {
  await using faas = new FaasProcess();
  await faas.up();
  const [node, python] = await Promise.all([installNodeClients(), installPythonClient()]);
  await writeFile(join(node, "greet.mjs"), NODE_CLIENT);
  await writeFile(join(node, "greet.py"), PYTHON_CLIENT);
  for (const runtime of ["node", "python"]) {
    await faas.succeed(["init", join(faas.folder, runtime), "--mcp", "--runtime", runtime, "--org", "acme"]);
    await faas.succeed(["deploy", join(faas.folder, runtime), "--replicas", "0"]);
    const url = `${faas.env.FAAS_SERVER}/acme/${runtime}`;
    for (const [program, file] of [
      [process.execPath, "greet.mjs"],
      [python, "greet.py"],
    ] as const)
      for (const [mode, version] of [
        ["auto", "2026-07-28"],
        ["legacy", "2025-11-25"],
      ] as const) {
        const output = await succeed(program, [join(node, file), url, mode], node);
        assert.equal(output, `${version} Hello, you!`, `${runtime}, ${file}`);
      }
  }
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FaasProcess, faasProgram } from "@faas/testing";
import { installNodeClients, installPythonClient, succeed } from "./installed.ts";

/** Clients of both generations, of Node and Python, over HTTP and through `faas mcp`. */

const faas = new FaasProcess();
let url = "";
let node = "";
let python = "";

const CODE = `
async function* steps() {
  for (const step of ["one", "two", "done"]) {
    yield "data: " + step + "\\n\\n";
    await new Promise((done) => setTimeout(done, 20));
  }
}
export const handler = ({ path, body }) => {
  if (path === "/fail") throw new Error("no database");
  if (path === "/steps") return { status: 200, headers: { "content-type": "text/event-stream" }, body: steps() };
  return { sum: body.a + body.b };
};
`;
const sum = { type: "object", properties: { sum: { type: "number" } }, required: ["sum"] };
const input = { type: "object", properties: { a: { type: "number" }, b: { type: "number" } }, required: ["a", "b"] };
const TOOLS = {
  add: { description: "Adds", input, output: sum },
  fail: { description: "Fails", path: "/fail" },
  job: { description: "Adds later", input, async: true },
  steps: { description: "Streams", path: "/steps" },
};

before(async () => {
  await faas.up();
  for (const [name, tool] of Object.entries(TOOLS)) {
    const { code, stderr } = await faas.deploy(name, { "index.mjs": CODE }, "--tool", JSON.stringify(tool));
    assert.equal(code, 0, stderr);
  }
  url = `${faas.env.FAAS_SERVER}/-/orgs/acme/mcp`;
  [node, python] = await Promise.all([installNodeClients(), installPythonClient()]);
});
after(() => faas[Symbol.asyncDispose]());

const EXPECTED = {
  tools: ["add", "fail", "job", "steps"],
  progress: [
    [1, "one"],
    [2, "two"],
  ],
  steps: "done",
  sum: { sum: 3 },
  invalid: [true, 'Invalid arguments for the tool "add": /a must be number'],
  failed: [true, "no database (FUNCTION_ERROR)"],
  job: { sum: 7 },
  unknown: -32602,
};

const CLIENTS = [
  ["Node, @modelcontextprotocol/client", "node-2.mjs", "auto", "2026-07-28"],
  ["Node, @modelcontextprotocol/client", "node-2.mjs", "legacy", "2025-11-25"],
  ["Node, @modelcontextprotocol/sdk", "node-1.mjs", "", "2025-11-25"],
  ["Python, mcp", "client.py", "auto", "2026-07-28"],
  ["Python, mcp", "client.py", "legacy", "2025-11-25"],
] as const;

for (const [name, file, mode, version] of CLIENTS)
  for (const way of ["HTTP", "faas mcp"])
    test(`${name} uses the tools over ${way} in ${version}`, async () => {
      const program = file.endsWith(".py") ? python : process.execPath;
      const where = way === "HTTP" ? [url] : ["stdio", process.execPath, faasProgram, "mcp", "--org", "acme"];
      const output = await succeed(program, [join(node, file), mode, ...where], node, faas.env);
      assert.deepEqual(JSON.parse(output), { version, ...EXPECTED });
    });

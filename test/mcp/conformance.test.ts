import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FaasProcess, runProgram } from "@faas/testing";
import { installNodeClients } from "./installed.ts";

/** The protocol's own conformance suite, whose scenarios expect certain tools. */

const CODE = `
const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
const of = (type, body) => ({ status: 200, headers: { "content-type": type }, body });
async function* progress() {
  for (const value of [0, 50, 100]) yield 'data: {"progress": ' + value + ', "total": 100}\\n\\n';
  yield "data: done\\n\\n";
}
export const handler = ({ path }) => {
  if (path === "/image") return of("image/png", png);
  if (path === "/audio") return of("audio/wav", Buffer.from("UklGRg==", "base64"));
  if (path === "/resource") return of("application/pdf", Buffer.from("%PDF"));
  if (path === "/progress") return of("text/event-stream", progress());
  if (path === "/error") throw new Error("This tool intentionally returns an error for testing");
  return "This is a simple text response for testing.";
};
`;
const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: { address: { type: "object", properties: { street: { type: "string" }, city: { type: "string" } } } },
  properties: { name: { type: "string" }, address: { $ref: "#/$defs/address" } },
  additionalProperties: false,
};
const TOOLS = {
  text: { name: "test_simple_text" },
  image: { name: "test_image_content" },
  audio: { name: "test_audio_content" },
  resource: { name: "test_embedded_resource" },
  progress: { name: "test_tool_with_progress" },
  error: { name: "test_error_handling" },
  schema: { name: "json_schema_2020_12_tool", input: schema },
};

/** Scenarios that the server has to pass. The others are about prompts, resources, logging and questions to the user, which endpoints do not have. */
const PASSED = [
  "dns-rebinding-protection",
  "json-schema-2020-12",
  "ping",
  "server-initialize",
  "server-sse-multiple-streams",
  "tools-call-audio",
  "tools-call-embedded-resource",
  "tools-call-error",
  "tools-call-image",
  "tools-call-simple-text",
  "tools-call-with-progress",
  "tools-list",
];

test("the server passes the scenarios of the conformance suite about what it offers", async () => {
  const folder = await installNodeClients();
  await using faas = new FaasProcess();
  const { url } = await faas.up();
  for (const [name, tool] of Object.entries(TOOLS)) {
    const settings = JSON.stringify({ description: name, path: `/${name}`, ...tool });
    const { code, stderr } = await faas.deploy(name, { "index.mjs": CODE }, "--tool", settings);
    assert.equal(code, 0, stderr);
  }
  const program = join(folder, "node_modules/@modelcontextprotocol/conformance/dist/index.js");
  for (const scenario of PASSED) {
    const args = ["server", "--url", `${url}/-/orgs/acme/mcp`, "--scenario", scenario, "-o", join(folder, scenario)];
    const { code, output } = await runProgram(process.execPath, [program, ...args], { cwd: folder, env: process.env });
    assert.equal(code, 0, `${scenario}: ${output}`);
    assert.ok(checksIn(join(folder, scenario)).length > 0, `${scenario} has checked something`);
  }
});

/** Returns the checks that a scenario has made, none of which has failed. */
function checksIn(folder: string): readonly { readonly status: string }[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith("checks.json"),
  );
  return files.flatMap((file) => JSON.parse(readFileSync(join(folder, file), "utf8")));
}

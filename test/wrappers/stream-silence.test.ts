import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { start } from "./contract.ts";
import { wrappers } from "./languages.ts";

const NODE = `
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
async function* pieces(event) {
  for (let i = 0; i < 12; i++) { yield "piece"; await sleep(100); }
  if (event.path === "/silent") await sleep(60_000);
}
export const handler = (event) => pieces(event);
`;
const PYTHON = `
import asyncio, time
def pieces(event):
    for i in range(12):
        yield "piece"
        time.sleep(0.1)
    if event.path == "/silent": time.sleep(60)
def handler(event): return pieces(event)
`;
const functions = [
  { name: "Node", language: wrappers.Node, text: NODE },
  {
    name: "Node fetch",
    language: wrappers.Node,
    text: `${NODE.replace("export const handler", "const old")}
export default { fetch: (request) => new Response(ReadableStream.from(encoded(request))) };
async function* encoded(request) { for await (const piece of pieces({ path: new URL(request.url).pathname })) yield Buffer.from(piece); }`,
  },
  { name: "Python", language: wrappers.Python, text: PYTHON },
  { name: "Python, concurrency 1", language: wrappers.Python, text: PYTHON, concurrency: 1 },
  {
    name: "Python async def",
    language: wrappers.Python,
    text: PYTHON.replaceAll("def ", "async def ").replaceAll("time.sleep", "await asyncio.sleep"),
  },
];

describe("a streamed response", { concurrency: 3 }, () => {
  for (const { name, language, text, concurrency = 10 } of functions) {
    test(`takes longer than the time limit of a call, unless it is silent for that long: ${name}`, async () => {
      const env = { FAAS_TIMEOUT_MS: "1000", FAAS_CONCURRENCY: String(concurrency) };
      await using wrapper = await start(language, text, env);
      assert.equal((await wrapper.call("/")).text, "piece".repeat(12));
      await assert.rejects(wrapper.call("/silent"));
    });
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./malformed.ts";

test("1,000 malformed requests: nothing ends, hangs, grows, or fails by a fault of ours", {
  timeout: 120_000,
}, async (context) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const lines: string[] = [`seed ${seed}`];
  const { tried, lost } = await run({ long: false, seed, print: (line) => lines.push(line) });
  for (const line of lines) context.diagnostic(line);
  assert.equal(tried, 1_000);
  assert.equal(lost, 0, lines.join("\n"));
});

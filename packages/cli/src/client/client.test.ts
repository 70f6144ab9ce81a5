import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { FaasError } from "@faas/core";
import { Client } from "./client.ts";

const CONFIG = { version: "9.0.0", platform: "embedded", accepts: "bundle", scalers: ["fixed"], bundleLimitBytes: 1 };
const LINE = { time: "2026-01-02T03:04:05.678Z", replica: "a", revision: "b", stream: "stdout", line: "hello" };

/** Connects to a server whose response to every request is this text. */
async function clientOf(t: TestContext, text: string, type = "application/json"): Promise<Client> {
  const server = createServer((_, response) => response.setHeader("Content-Type", type).end(text));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, t.signal);
}

test("keeps the fields that a later server added", async (t) => {
  const later = { ...CONFIG, added: true };
  const client = await clientOf(t, JSON.stringify(later));
  assert.deepEqual(await client.config(), later);
});

for (const [what, body, expected] of [
  ["another type", { ...CONFIG, version: 9 }, /^In the response to GET \/-\/config: "version": expected text, got 9$/],
  ["a missing field", { version: "9.0.0" }, /"accepts": expected one of "bundle", "image", got nothing/],
  ["another value", { ...CONFIG, scalers: ["magic"] }, /"scalers\.0": expected one of .*, got "magic"/],
  ["no object", [], /expected an object, got \[\]/],
] as const) {
  test(`reports a response with ${what}, and that versions may differ`, async (t) => {
    const client = await clientOf(t, JSON.stringify(body));
    await assert.rejects(client.config(), (error: FaasError) => {
      assert.equal(error.code, "SERVER_INCOMPATIBLE");
      assert.match(error.message, expected);
      assert.match(String(error.extensions.hint), /"faas doctor"/);
      return true;
    });
  });
}

test("reports a log line of another form after the lines before it", async (t) => {
  const text = `${JSON.stringify(LINE)}\n${JSON.stringify({ ...LINE, stream: "stdlog" })}\n`;
  const client = await clientOf(t, text, "application/x-ndjson");
  const lines = client.logs({ org: "acme", endpoint: "hello" }, {});
  assert.deepEqual((await lines.next()).value, LINE);
  await assert.rejects(lines.next(), { code: "SERVER_INCOMPATIBLE" });
});

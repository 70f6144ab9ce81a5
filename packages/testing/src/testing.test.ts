import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { eventually } from "./eventually.ts";
import { HttpClient } from "./http-client.ts";
import { exponential, normal, seeded } from "./random.ts";

test("eventually returns the first value", async () => {
  let attempts = 0;
  assert.equal(await eventually("a value", () => (++attempts === 3 ? "value" : undefined)), "value");
  assert.equal(attempts, 3);
});

test("eventually names what it waited for, and the error of the last attempt", async () => {
  const cause = new Error("not yet");
  const waiting = eventually("a value", () => Promise.reject(cause), { timeoutMs: 1 });
  await assert.rejects(waiting, { message: "Expected within 1 ms: a value", cause });
});

test("seeded generators repeat their numbers, which have the expected mean", () => {
  const draw = (seed: number) => {
    const random = seeded(seed);
    return Array.from({ length: 1_000 }, () => [random(), exponential(random, 3), normal(random)] as const);
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  for (const [column, mean] of [0.5, 3, 0].entries()) {
    const values = draw(7).map((row) => row[column] as number);
    const found = values.reduce((sum, value) => sum + value, 0) / values.length;
    assert.ok(Math.abs(found - mean) < 0.3, `expected a mean of ${mean}, got ${found}`);
  }
});

test("HttpClient sends JSON on one connection, and rejects an error status only where JSON is expected", async (t) => {
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request)).toString();
    const { method, url, headers, socket } = request;
    response.statusCode = url === "/missing" ? 404 : 200;
    response.end(
      JSON.stringify({ method, url, body, type: headers["content-type"], own: headers.own, port: socket.remotePort }),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  using client = new HttpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
    headers: { own: "x" },
  });
  const { port, ...sent } = await client.json<Record<string, unknown>>("PUT", "/a", { b: 1 });
  assert.deepEqual(sent, { method: "PUT", url: "/a", body: '{"b":1}', type: "application/json", own: "x" });
  assert.equal((await client.json<Record<string, unknown>>("GET", "/a")).port, port);
  assert.equal((await client.send("GET", "/missing")).status, 404);
  await assert.rejects(client.json("GET", "/missing"), /GET \/missing: 404/);
});

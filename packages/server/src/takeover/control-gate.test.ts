import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { HttpClient } from "@faas/testing";
import { ControlGate } from "./control-gate.ts";

async function startGate(gate: ControlGate) {
  const server = createServer(gate.listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new HttpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    client,
    [Symbol.dispose]() {
      client[Symbol.dispose]();
      server.close();
      server.closeAllConnections();
    },
  };
}

test("a closed gate lets requests wait for the server that takes over", async () => {
  const gate = new ControlGate((_, response) => response.end("first"));
  using run = await startGate(gate);
  assert.equal((await run.client.send("GET", "/")).text, "first");
  await gate.close();
  const waiting = run.client.send("PUT", "/", {});
  const never = AbortSignal.timeout(50);
  await Promise.race([waiting.then(() => assert.fail("responded")), once(never, "abort")]);
  gate.forwardTo((_, response) => response.end("second"));
  assert.equal((await waiting).text, "second");
  assert.equal((await run.client.send("GET", "/")).text, "second");
});

test("a gate is closed when the changes under way have ended, whatever reads do", async () => {
  const finish = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const gate = new ControlGate(async ({ method }, response) => {
    if (method === "GET") return;
    begun.resolve();
    await finish.promise;
    response.end();
  });
  using run = await startGate(gate);
  const reading = run.client.send("GET", "/").catch(() => {});
  const change = run.client.send("POST", "/");
  await begun.promise;
  let isClosed = false;
  const closed = gate.close().then(() => {
    isClosed = true;
  });
  await new Promise(setImmediate);
  assert.equal(isClosed, false);
  finish.resolve();
  await change;
  await closed;
  run[Symbol.dispose]();
  await reading;
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { respondsToConnection, untilSilent } from "./silence.ts";

const pod = { host: "127.0.0.1", port: 1 };

test("a pod is silent after two connections in a row without a response", async (t) => {
  // The watch keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(alive));
  const outcomes = [true, false, true, false, false];
  await untilSilent(pod, t.signal, { responds: async () => outcomes.shift() === true, stepMs: 1 });
  assert.deepEqual(outcomes, []);
});

test("a pod that accepts or refuses a connection responds", async (t) => {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  assert.equal(await respondsToConnection({ host: "127.0.0.1", port }, t.signal), true);
  server.close();
  await once(server, "close");
  assert.equal(await respondsToConnection({ host: "127.0.0.1", port }, t.signal), true);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { ManualTimers } from "../testing/manual-timers.ts";
import { startTestGateway } from "../testing/test-gateway.ts";

// Which replica a request goes to, and when.

interface HeldRequest {
  readonly url: string;
  /** Index of the replica, in the order of their start. */
  readonly replica: number;
  readonly response: ServerResponse;
}

/** Creates replicas that hold each request until the test releases it. */
function holding() {
  const held: HeldRequest[] = [];
  const order: string[] = [];
  const maxHeld: number[] = [];
  let replicas = 0;
  const behave = () => {
    const replica = replicas++;
    maxHeld[replica] = 0;
    return (request: IncomingMessage, response: ServerResponse) => {
      order.push(request.url as string);
      held.push({ url: request.url as string, replica, response });
      maxHeld[replica] = Math.max(maxHeld[replica] as number, held.filter((each) => each.replica === replica).length);
    };
  };
  return { behave, held, order, maxHeld, release: () => held.shift()?.response.end("done") };
}

test("gives a replica no more requests than its concurrency, and serves requests in their order", async () => {
  const { behave, held, order, maxHeld, release } = holding();
  await using gateway = await startTestGateway(behave);
  const endpoint = await gateway.run({ concurrency: 1, replicas: 2, scaler: "fixed" });
  const calls: Promise<{ status: number }>[] = [];
  for (let i = 0; i < 12; i++) {
    calls.push(gateway.call(`/acme/x/${i}`));
    await eventually(`request ${i} arrives`, () => endpoint.inFlight + endpoint.waiting === i + 1);
  }
  for (let i = 0; i < 12; i++) {
    const expected = Math.min(2, 12 - i);
    await eventually(`${expected} requests are held`, () => held.length === expected);
    release();
  }
  assert.deepEqual(new Set((await Promise.all(calls)).map(({ status }) => status)), new Set([200]));
  assert.deepEqual(maxHeld, [1, 1]);
  // The first two went to two replicas, in either order.
  assert.deepEqual(
    order.slice(2),
    Array.from({ length: 10 }, (_, i) => `/${i + 2}`),
  );
});

test("rejects a request with 503 and Retry-After when the queue is full", async () => {
  const { behave, held, release } = holding();
  await using gateway = await startTestGateway(behave, { waitingLimit: 3 });
  const endpoint = await gateway.run({ concurrency: 1 });
  const calls = Array.from({ length: 4 }, () => gateway.call("/acme/x"));
  await eventually("one request is held and three wait", () => endpoint.waiting === 3 && held.length === 1);
  const rejected = await gateway.call("/acme/x");
  assert.deepEqual([rejected.status, rejected.json.code, rejected.headers["retry-after"]], [503, "NO_CAPACITY", "1"]);
  for (let i = 0; i < 4; i++) {
    await eventually("the next request is held", () => held.length === 1);
    release();
  }
  assert.deepEqual(
    (await Promise.all(calls)).map(({ status }) => status),
    [200, 200, 200, 200],
  );
});

test("rejects a request with 503 and Retry-After when it gets no slot in time", async () => {
  const { behave, held, release } = holding();
  await using gateway = await startTestGateway(behave, { waitMs: 50 });
  await gateway.run({ concurrency: 1 });
  const first = gateway.call("/acme/x");
  await eventually("the only slot is occupied", () => held.length === 1);
  const rejected = await gateway.call("/acme/x");
  assert.deepEqual([rejected.status, rejected.json.code, rejected.headers["retry-after"]], [503, "NO_CAPACITY", "1"]);
  release();
  assert.equal((await first).status, 200);
});

test("removes a request from the queue when its client disconnects", async () => {
  const { behave, held, order, release } = holding();
  await using gateway = await startTestGateway(behave);
  const endpoint = await gateway.run({ concurrency: 1 });
  const first = gateway.call("/acme/x/first");
  await eventually("the only slot is occupied", () => held.length === 1);
  const gone = gateway.connect();
  gone.write("GET /acme/x/gone HTTP/1.1\r\nHost: x\r\n\r\n");
  await eventually("the request waits", () => endpoint.waiting === 1);
  const last = gateway.call("/acme/x/last");
  await eventually("both wait", () => endpoint.waiting === 2);
  gone.destroy();
  await eventually("one has left", () => endpoint.waiting === 1);
  release();
  await eventually("the last request is held", () => held.length === 1);
  release();
  await Promise.all([first, last]);
  assert.deepEqual(order, ["/first", "/last"]);
});

test("sends requests elsewhere while a replica is unreachable, and to it when it is back", async () => {
  const timers = new ManualTimers();
  await using gateway = await startTestGateway(() => (_, response) => response.end("fine"), {}, {}, { timers });
  gateway.platform.onSocketFiles = true;
  const endpoint = await gateway.run({ replicas: 3, scaler: "fixed" });
  const [broken] = gateway.platform.replicas(endpoint.spec);
  const served = endpoint.replicas.find(({ id }) => id === broken?.id);
  assert.ok(broken && served);
  broken.kill();
  const callMany = async () => {
    const results = await Promise.all(Array.from({ length: 30 }, () => gateway.call("/acme/x")));
    assert.deepEqual(new Set(results.map(({ status }) => status)), new Set([200]));
  };
  await callMany();
  assert.equal(served.ejected, true);
  // Of many failures at once, one counts.
  assert.equal(served.consecutiveFailures, 1);
  timers.advance(100);
  assert.equal(served.ejected, false);
  await callMany();
  assert.equal(served.consecutiveFailures, 2);
  broken.server.listen(broken.address.replace("unix:", ""));
  await once(broken.server, "listening");
  timers.advance(200);
  const { completed } = served;
  await callMany();
  assert.equal(served.consecutiveFailures, 0);
  assert.ok(served.completed > completed);
});

test("ejects a replica that closes the connection, unless it is the last one", async () => {
  let breaks = true;
  let calls = 0;
  await using gateway = await startTestGateway(
    () => (request, response) => {
      calls++;
      if (breaks) request.socket.destroy();
      else response.end("fine");
    },
    {},
    {},
    { timers: new ManualTimers() },
  );
  const endpoint = await gateway.run({ replicas: 2, scaler: "fixed" });
  const ejected = () => endpoint.replicas.filter((replica) => replica.ejected).length;
  const first = gateway.call("/acme/x", { method: "POST" });
  await eventually("the first replica is ejected", () => ejected() === 1);
  const second = gateway.call("/acme/x", { method: "POST" });
  await eventually("the second replica failed too", () => calls === 2 && endpoint.inFlight === 0);
  assert.equal(ejected(), 1);
  assert.deepEqual([(await first).status, (await second).status], [502, 502]);
  breaks = false;
  assert.equal((await gateway.call("/acme/x", { method: "POST" })).status, 200);
});

test("ejects a failed replica before the reason of its failure is known", async (t) => {
  let replicas = 0;
  await using gateway = await startTestGateway(
    () => {
      const isFirst = replicas++ === 0;
      return (request, response) => void (isFirst ? request.socket.destroy() : response.end("fine"));
    },
    {},
    {},
    { timers: new ManualTimers() },
  );
  const endpoint = await gateway.run({ replicas: 2, scaler: "fixed" });
  const whenAsked: unknown[] = [];
  t.mock.method(endpoint, "exitOf", async () => {
    whenAsked.push(endpoint.inFlight, endpoint.replicas.filter(({ ejected }) => ejected).length);
  });
  const statuses: number[] = [];
  while (!statuses.includes(502)) statuses.push((await gateway.call("/acme/x", { method: "POST" })).status);
  assert.deepEqual(whenAsked, [0, 1]);
  assert.equal((await gateway.call("/acme/x", { method: "POST" })).status, 200);
});

test("uses a slow replica only while the others have no free slot", async () => {
  const { behave, held, release } = holding();
  await using gateway = await startTestGateway(behave);
  const endpoint = await gateway.run({ replicas: 3, scaler: "fixed", concurrency: 4 });
  const [slow] = endpoint.replicas;
  assert.ok(slow);
  slow.slow = true;
  const calls = Array.from({ length: 8 }, () => gateway.call("/acme/x"));
  await eventually("8 requests are held", () => held.length === 8);
  assert.equal(slow.inFlight, 0);
  calls.push(...Array.from({ length: 4 }, () => gateway.call("/acme/x")));
  await eventually("12 requests are held", () => held.length === 12);
  assert.equal(slow.inFlight, 4);
  while (held.length > 0) release();
  await Promise.all(calls);
});

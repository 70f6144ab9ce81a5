import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { startTestGateway } from "../../../gateway/src/testing/test-gateway.ts";
import { Autoscaler } from "./loop.ts";

// Assignment of requests to replicas.

/** Makes replicas that hold requests until the test releases them. */
function holding() {
  const held: { url: string; replica: number; response: ServerResponse }[] = [];
  const order: string[] = [];
  const atOnce: number[] = [];
  let replicas = 0;
  const behave = () => {
    const replica = replicas++;
    atOnce[replica] = 0;
    return (request: { url?: string }, response: ServerResponse) => {
      order.push(request.url as string);
      held.push({ url: request.url as string, replica, response });
      atOnce[replica] = Math.max(atOnce[replica] as number, held.filter((each) => each.replica === replica).length);
    };
  };
  return { behave, held, order, atOnce, release: () => held.shift()?.response.end("done") };
}

test("with a concurrency of 1 no replica ever has two requests, and the order is kept", async () => {
  const { behave, held, order, atOnce, release } = holding();
  await using gateway = await startTestGateway(behave);
  const endpoint = await gateway.run({ concurrency: 1, replicas: 2, scaler: "fixed" });
  const calls: Promise<{ status: number }>[] = [];
  for (let i = 0; i < 12; i++) {
    calls.push(gateway.call(`/acme/x/${i}`));
    await eventually(`request ${i} has arrived`, () => endpoint.inFlight + endpoint.waiting === i + 1);
  }
  for (let i = 0; i < 12; i++) {
    const expected = Math.min(2, 12 - i);
    await eventually(`${expected} are in flight`, () => held.length === expected);
    release();
  }
  assert.deepEqual(new Set((await Promise.all(calls)).map(({ status }) => status)), new Set([200]));
  assert.deepEqual(atOnce, [1, 1]);
  // The first two went to different replicas, and may have arrived in any order.
  assert.deepEqual(
    order.slice(2),
    Array.from({ length: 10 }, (_, i) => `/${i + 2}`),
  );
});

test("a full queue rejects requests with 503 and Retry-After, and the waiting ones are answered", async () => {
  const { behave, held, release } = holding();
  await using gateway = await startTestGateway(behave, { waitingLimit: 3 });
  const endpoint = await gateway.run({ concurrency: 1 });
  const calls = Array.from({ length: 4 }, () => gateway.call("/acme/x"));
  await eventually("one is in flight and three wait", () => endpoint.waiting === 3 && held.length === 1);
  const rejected = await gateway.call("/acme/x");
  assert.deepEqual([rejected.status, rejected.json.code, rejected.headers["retry-after"]], [503, "NO_CAPACITY", "1"]);
  for (let i = 0; i < 4; i++) {
    await eventually("the next one is in flight", () => held.length === 1);
    release();
  }
  assert.deepEqual(
    (await Promise.all(calls)).map(({ status }) => status),
    [200, 200, 200, 200],
  );
});

test("a request that waits too long for a slot gets 503 and Retry-After", async () => {
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

test("a client that disconnects leaves the queue, and the next request gets the slot", async () => {
  const { behave, held, order, release } = holding();
  await using gateway = await startTestGateway(behave);
  const endpoint = await gateway.run({ concurrency: 1 });
  const first = gateway.call("/acme/x/first");
  await eventually("the only slot is occupied", () => held.length === 1);
  const gone = gateway.connect();
  gone.write("GET /acme/x/gone HTTP/1.1\r\nHost: x\r\n\r\n");
  await eventually("one waits", () => endpoint.waiting === 1);
  const last = gateway.call("/acme/x/last");
  await eventually("both wait", () => endpoint.waiting === 2);
  gone.destroy();
  await eventually("one has left", () => endpoint.waiting === 1);
  release();
  await eventually("the last one is in flight", () => held.length === 1);
  release();
  await Promise.all([first, last]);
  assert.deepEqual(order, ["/first", "/last"]);
});

test("a replica that refuses connections fails no request, is ejected, and is used again when it is back", async () => {
  await using gateway = await startTestGateway(() => (_, response) => response.end("fine"));
  const endpoint = await gateway.run({ replicas: 3, scaler: "fixed" });
  const [broken] = gateway.platform.replicas(endpoint.spec);
  const live = endpoint.replicas.find(({ id }) => id === broken?.id);
  assert.ok(broken && live);
  const { port } = broken.server.address() as AddressInfo;
  broken.kill();
  const many = async (count: number) => {
    const answers = await Promise.all(Array.from({ length: count }, () => gateway.call("/acme/x")));
    assert.ok(answers.every(({ status }) => status === 200));
  };
  await many(30);
  assert.equal(live.suspended, true);
  await eventually("the ejection ends", () => !live.suspended);
  await many(30);
  // One failure of 30 at once counted, or a few where they take longer than the ejection.
  assert.ok(live.failures >= 2 && live.failures < 8, `${live.failures} failures`);
  broken.server.listen(port, "127.0.0.1");
  await eventually("the ejection ends", () => !live.suspended);
  const { ended } = live;
  await many(30);
  assert.equal(live.failures, 0);
  assert.ok(live.ended > ended);
});

test("a replica that closes connections is ejected while there is another; the only one is not", async () => {
  let breaks = true;
  await using gateway = await startTestGateway(() => (request, response) => {
    if (breaks) request.socket.destroy();
    else response.end("fine");
  });
  const endpoint = await gateway.run({ replicas: 2, scaler: "fixed" });
  const suspended = () => endpoint.replicas.filter((replica) => replica.suspended).length;
  const calls = [gateway.call("/acme/x", { method: "POST" })];
  await eventually("one is ejected", () => suspended() === 1);
  calls.push(gateway.call("/acme/x", { method: "POST" }));
  await eventually("the other one has closed its connection too", () => endpoint.inFlight === 0);
  assert.equal(suspended(), 1);
  for (const call of calls) assert.equal((await call).status, 502);
  breaks = false;
  assert.equal((await gateway.call("/acme/x", { method: "POST" })).status, 200);
});

test("a replica that closed a connection is ejected at once, before the reason is known", async () => {
  let calls = 0;
  await using gateway = await startTestGateway((spec) => {
    const isFirst = calls++ === 0 && spec.endpoint === "x";
    return (request, response) => void (isFirst ? request.socket.destroy() : response.end("fine"));
  });
  const endpoint = await gateway.run({ replicas: 2, scaler: "fixed" });
  const first = [gateway.call("/acme/x", { method: "POST" }), gateway.call("/acme/x", { method: "POST" })];
  await eventually("one is ejected", () => endpoint.replicas.some(({ suspended }) => suspended));
  assert.equal(endpoint.inFlight, 0);
  assert.deepEqual((await Promise.all(first)).map(({ status }) => status).sort(), [200, 502]);
});

test("a replica that is far slower than its siblings is left out while they have free slots, and used when they have none", async () => {
  const { behave, held, release } = holding();
  await using gateway = await startTestGateway(behave);
  let nowMs = 0;
  const autoscaler = new Autoscaler(gateway.endpoints, () => nowMs);
  const endpoint = await gateway.run({ replicas: 3, scaler: "fixed", concurrency: 4, idleTimeout: "never" });
  const calls: Promise<{ status: number }>[] = [];
  const call = () => void calls.push(gateway.call("/acme/x"));
  const onSlow = () => held.filter(({ replica }) => replica === 0).length;
  /** Answers the requests on all replicas but the slow one. */
  const releaseFast = () => {
    for (const each of held.filter(({ replica }) => replica !== 0)) {
      held.splice(held.indexOf(each), 1);
      each.response.end("done");
    }
  };
  // The slow replica answers nothing between two samples, the others everything.
  for (let round = 0; round < 200 && !endpoint.replicas.some(({ slow }) => slow); round++) {
    const expected = held.length + 6;
    for (let i = 0; i < 6; i++) call();
    await eventually("the requests have arrived", () => held.length === expected);
    autoscaler.sample();
    releaseFast();
    await eventually("the fast replicas have answered", () => endpoint.inFlight === held.length);
    nowMs += 100;
  }
  const slow = endpoint.replicas.map(({ slow }) => slow);
  assert.equal(slow.filter(Boolean).length, 1);
  while (held.length > 0) release();
  await Promise.all(calls);

  for (let i = 0; i < 8; i++) call();
  await eventually("8 requests have arrived", () => held.length === 8);
  assert.equal(onSlow(), 0);
  for (let i = 0; i < 4; i++) call();
  await eventually("12 requests have arrived", () => held.length === 12);
  assert.equal(onSlow(), 4);
  while (held.length > 0) release();
  for (const { status } of await Promise.all(calls)) assert.equal(status, 200);
});

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { startTestGateway, until } from "../../../gateway/src/testing/test-gateway.ts";
import { Autoscaler } from "./loop.ts";

// Which replica a request gets, and when.

/** A replica that holds requests until the test lets them go. */
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

test("with a concurrency of 1 no replica ever has two requests, and who came first is first", async () => {
  const { behave, held, order, atOnce, release } = holding();
  await using gateway = await startTestGateway(behave);
  const endpoint = await gateway.run({ concurrency: 1, replicas: 2, scaler: "fixed" });
  const calls: Promise<{ status: number }>[] = [];
  for (let i = 0; i < 12; i++) {
    calls.push(gateway.call(`/acme/x/${i}`));
    await until(() => endpoint.inFlight + endpoint.waiting === i + 1, `request ${i} is there`);
  }
  for (let i = 0; i < 12; i++) {
    const expected = Math.min(2, 12 - i);
    await until(() => held.length === expected, `${expected} are being answered`);
    release();
  }
  assert.deepEqual(new Set((await Promise.all(calls)).map(({ status }) => status)), new Set([200]));
  assert.deepEqual(atOnce, [1, 1]);
  // The first two went to two replicas, and may have come there in any order.
  assert.deepEqual(
    order.slice(2),
    Array.from({ length: 10 }, (_, i) => `/${i + 2}`),
  );
});

test("the line is bounded: who comes when it is full gets 503 and when to come again, the others are answered", async () => {
  const { behave, held, release } = holding();
  await using gateway = await startTestGateway(behave, { waitingLimit: 3 });
  const endpoint = await gateway.run({ concurrency: 1 });
  const calls = Array.from({ length: 4 }, () => gateway.call("/acme/x"));
  await until(() => endpoint.waiting === 3 && held.length === 1, "one is answered and three wait");
  const refused = await gateway.call("/acme/x");
  assert.deepEqual([refused.status, refused.json.code, refused.headers["retry-after"]], [503, "NO_CAPACITY", "1"]);
  for (let i = 0; i < 4; i++) {
    await until(() => held.length === 1, "the next one is being answered");
    release();
  }
  assert.deepEqual(
    (await Promise.all(calls)).map(({ status }) => status),
    [200, 200, 200, 200],
  );
});

test("who waits too long for a place gets 503 and when to come again", async () => {
  const { behave, held, release } = holding();
  await using gateway = await startTestGateway(behave, { waitMs: 50 });
  await gateway.run({ concurrency: 1 });
  const first = gateway.call("/acme/x");
  await until(() => held.length === 1, "the only place is taken");
  const refused = await gateway.call("/acme/x");
  assert.deepEqual([refused.status, refused.json.code, refused.headers["retry-after"]], [503, "NO_CAPACITY", "1"]);
  release();
  assert.equal((await first).status, 200);
});

test("a client that goes away leaves the line, and the next one has its turn", async () => {
  const { behave, held, order, release } = holding();
  await using gateway = await startTestGateway(behave);
  const endpoint = await gateway.run({ concurrency: 1 });
  const first = gateway.call("/acme/x/first");
  await until(() => held.length === 1, "the only place is taken");
  const gone = gateway.connect();
  gone.write("GET /acme/x/gone HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => endpoint.waiting === 1, "it waits");
  const last = gateway.call("/acme/x/last");
  await until(() => endpoint.waiting === 2, "both wait");
  gone.destroy();
  await until(() => endpoint.waiting === 1, "one has left");
  release();
  await until(() => held.length === 1, "the last one is being answered");
  release();
  await Promise.all([first, last]);
  assert.deepEqual(order, ["/first", "/last"]);
});

test("a replica that is not there any more costs no request its answer, gets no more requests, and is used again when it is back", async () => {
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
  await until(() => !live.suspended, "it may be tried again");
  await many(30);
  // Of 30 at once one failure counted, or a few where they take longer than it is left alone.
  assert.ok(live.failures >= 2 && live.failures < 8, `${live.failures} failures`);
  broken.server.listen(port, "127.0.0.1");
  await until(() => !live.suspended, "it may be tried again");
  const { ended } = live;
  await many(30);
  assert.equal(live.failures, 0);
  assert.ok(live.ended > ended);
});

test("a replica that breaks off is left alone while there is another; the only one is not", async () => {
  let breaks = true;
  await using gateway = await startTestGateway(() => (request, response) => {
    if (breaks) request.socket.destroy();
    else response.end("fine");
  });
  const endpoint = await gateway.run({ replicas: 2, scaler: "fixed" });
  const suspended = () => endpoint.replicas.filter((replica) => replica.suspended).length;
  const calls = [gateway.call("/acme/x", { method: "POST" })];
  await until(() => suspended() === 1, "one is left alone");
  calls.push(gateway.call("/acme/x", { method: "POST" }));
  await until(() => endpoint.inFlight === 0, "the other one broke off too");
  assert.equal(suspended(), 1);
  for (const call of calls) assert.equal((await call).status, 502);
  breaks = false;
  assert.equal((await gateway.call("/acme/x", { method: "POST" })).status, 200);
});

test("a replica that broke off is left alone at once, not only when it is known why", async () => {
  let calls = 0;
  await using gateway = await startTestGateway((spec) => {
    const isFirst = calls++ === 0 && spec.endpoint === "x";
    return (request, response) => void (isFirst ? request.socket.destroy() : response.end("fine"));
  });
  const endpoint = await gateway.run({ replicas: 2, scaler: "fixed" });
  const first = [gateway.call("/acme/x", { method: "POST" }), gateway.call("/acme/x", { method: "POST" })];
  await until(() => endpoint.replicas.some(({ suspended }) => suspended), "one is left alone");
  assert.equal(endpoint.inFlight, 0);
  assert.deepEqual((await Promise.all(first)).map(({ status }) => status).sort(), [200, 502]);
});

test("a replica that is far slower than its siblings is left out while they have room, and is used when they have none", async () => {
  let replicas = 0;
  await using gateway = await startTestGateway(() => {
    const ms = replicas++ === 0 ? 400 : 2;
    return (_, response) => void setTimeout(() => response.end(String(ms)), ms);
  });
  const autoscaler = new Autoscaler(gateway.endpoints);
  const sampling = setInterval(() => autoscaler.sample(), 100);
  const endpoint = await gateway.run({ replicas: 3, scaler: "fixed", concurrency: 4, idleTimeout: "never" });
  let done = false;
  const load = Array.from({ length: 6 }, async () => {
    while (!done) await gateway.call("/acme/x");
  });
  try {
    await until(() => endpoint.replicas.some(({ slow }) => slow), "one is found to be slow");
  } finally {
    done = true;
    await Promise.all(load);
    clearInterval(sampling);
  }
  assert.deepEqual(
    endpoint.replicas.map(({ slow }) => slow),
    [true, false, false],
  );
  const few = await Promise.all(Array.from({ length: 8 }, () => gateway.call("/acme/x")));
  assert.ok(few.every(({ text }) => text === "2"));
  const many = await Promise.all(Array.from({ length: 12 }, () => gateway.call("/acme/x")));
  assert.ok(many.some(({ text }) => text === "400"));
});

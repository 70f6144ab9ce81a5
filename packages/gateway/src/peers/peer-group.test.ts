import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { type GatewayGroup, startGatewayGroup } from "../testing/gateway-group.ts";

/** Creates replicas that note how many requests each has at a time. */
function counting(respond: (response: ServerResponse, done: () => void) => void) {
  const most: number[] = [];
  const behave = () => {
    const replica = most.push(0) - 1;
    let present = 0;
    return (_: IncomingMessage, response: ServerResponse) => {
      most[replica] = Math.max(most[replica] ?? 0, ++present);
      respond(response, () => {
        present--;
      });
    };
  };
  return { behave, most };
}

/** Responds in the next turn of the event loop. */
const atOnce = (response: ServerResponse, done: () => void) => {
  setImmediate(() => {
    done();
    response.end("ok");
  });
};

/** Sends requests through one gateway of a group, several at a time; returns the statuses. */
async function send({ gateways }: GatewayGroup, index: number, calls: number, connections: number): Promise<number[]> {
  const port = gateways[index]?.port;
  const statuses: number[] = [];
  const one = async () => {
    while (calls-- > 0) {
      const response = await fetch(`http://127.0.0.1:${port}/acme/x`);
      await response.text();
      statuses.push(response.status);
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  return statuses;
}

test("three gateways never give a replica of --concurrency 1 two requests at a time", async () => {
  const { behave, most } = counting(atOnce);
  await using group = await startGatewayGroup(3, behave, { concurrency: 1, replicas: 2, scaler: "fixed" });
  const statuses = (await Promise.all([0, 1, 2].map((index) => send(group, index, 60, 4)))).flat();
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.equal(statuses.length, 180);
  assert.deepEqual(most, [1, 1]);
});

test("one gateway gets all slots of a replica when the others need none", async () => {
  const held: ServerResponse[] = [];
  const { behave, most } = counting((response) => held.push(response));
  await using group = await startGatewayGroup(3, behave, { concurrency: 9 });
  const calls = send(group, 1, 9, 9);
  await eventually("the replica has all nine requests", () => held.length === 9);
  for (const response of held) response.end();
  assert.deepEqual(await calls, Array(9).fill(200));
  assert.deepEqual(most, [9]);
});

test("the slots of a gateway that leaves go to the others", async () => {
  const held: ServerResponse[] = [];
  const { behave } = counting((response) => held.push(response));
  await using group = await startGatewayGroup(2, behave, { concurrency: 4 });
  const calls = send(group, 1, 4, 4);
  group.gateways[0]?.group.stop();
  await eventually("the replica has all four requests", () => held.length === 4);
  for (const response of held) response.end();
  assert.deepEqual(await calls, Array(4).fill(200));
});

test("an organization's limit on concurrent requests holds over all gateways, whichever they arrive at", async () => {
  const held: ServerResponse[] = [];
  const { behave } = counting((response) => held.push(response));
  await using group = await startGatewayGroup(3, behave, { concurrency: 100 }, { concurrentRequests: 5 });
  const calls = [send(group, 0, 6, 6), send(group, 1, 1, 1)];
  const statuses: number[] = [];
  for (const call of calls) void call.then((some) => statuses.push(...some));
  await eventually("five requests are admitted", () => held.length === 5);
  const inProgress = () => group.gateways.reduce((sum, { endpoint }) => sum + endpoint.org.requests, 0);
  await eventually("the others have been rejected", () => inProgress() === 5);
  assert.deepEqual((await send(group, 2, 1, 1))[0], 429);
  for (const response of held) response.end();
  await Promise.all(calls);
  assert.deepEqual(statuses.toSorted(), [200, 200, 200, 200, 200, 429, 429]);
});

test("an organization's limit on requests per second holds over all gateways", async () => {
  const { behave } = counting(atOnce);
  await using group = await startGatewayGroup(3, behave, { concurrency: 100 }, { requestsPerSecond: 1, burst: 60 });
  const began = performance.now();
  const statuses: number[] = [];
  for (let round = 0; round < 6; round++) {
    const sent = await Promise.all([0, 1, 2].map((index) => send(group, index, 8, 1)));
    statuses.push(...sent.flat());
  }
  const admitted = statuses.filter((status) => status === 200).length;
  const refilled = (performance.now() - began) / 1000;
  assert.ok(admitted >= 60 && admitted <= (60 + refilled) * 1.05, `${admitted} of 60 and ${refilled}`);
});

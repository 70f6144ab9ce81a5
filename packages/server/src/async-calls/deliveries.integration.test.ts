import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { asyncPolicy, FaasError, toProblem } from "@faas/core";
import { type DeliveryResponse, formatRecord } from "@faas/gateway";
import { eventually, tempDir } from "@faas/testing";
import { openJournalQueue } from "../queue/journal/journal-queue.ts";
import type { StoredMessage } from "../queue/queue.ts";
import { type Deliver, Deliveries } from "./deliveries.ts";
import { viewCall } from "./view-call.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const TOPIC = "acme/x";
const OK: DeliveryResponse = { status: 200, from: "function", headers: [], body: Buffer.from("ok"), bytes: 2 };
const NO_ROOM: DeliveryResponse = {
  ...{ status: 503, from: "gateway", headers: [], bytes: 0 },
  body: Buffer.from(JSON.stringify(toProblem(new FaasError("NO_CAPACITY", "full")))),
};
const request = {
  ...{ method: "POST", url: "/acme/x", target: "/", host: "h", address: "1.2.3.4", proto: "http" as const },
  ...{ lines: "", headers: {}, requestId: "r" },
};

/** Opens a queue with some calls, and starts to deliver them, at most two at a time. */
async function started(calls: number, deliver: Deliver) {
  const queue = await openJournalQueue({ folder: tempDir("deliveries") });
  const ids: string[] = [];
  for (let call = 0; call < calls; call++)
    ids.push((await queue.enqueue({ topic: TOPIC, body: formatRecord(request, Buffer.alloc(0)) })).id);
  const policy = asyncPolicy({ attempts: 2, backoff: "1ms" });
  const deliveries = new Deliveries({
    ...{ queue, deliver, log, policyOf: () => policy },
    takes: () => true,
    windowOf: () => 2,
    orgWindowOf: () => 10,
  });
  deliveries.start();
  return { queue, deliveries, ids, [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose]() };
}

test("calls are delivered as many at a time as the window allows", async () => {
  let running = 0;
  let most = 0;
  await using rig = await started(9, async () => {
    most = Math.max(most, ++running);
    await new Promise((done) => setImmediate(done));
    running--;
    return OK;
  });
  await eventually("all are completed", () => rig.queue.topicTotals(TOPIC).done === 9);
  assert.equal(most, 2);
  await rig.deliveries[Symbol.asyncDispose]();
});

test("a server that stops finishes the deliveries in progress, and counts no others as attempts", async () => {
  const finish = Promise.withResolvers<void>();
  const begun: string[] = [];
  await using rig = await started(5, async ({ requestId }) => {
    begun.push(requestId);
    await finish.promise;
    return OK;
  });
  await eventually("two are in progress", () => begun.length === 2);
  const stopped = rig.deliveries[Symbol.asyncDispose]();
  finish.resolve();
  await stopped;
  assert.equal(begun.length, 2);
  const states = rig.ids.map((id) => rig.queue.find(id));
  assert.deepEqual(
    states.map((state) => [state?.status, state?.attempts]),
    [
      ["done", 1],
      ["done", 1],
      ["waiting", 0],
      ["waiting", 0],
      ["waiting", 0],
    ],
  );
});

test("a delivery without room is tried again, and does not count as an attempt", async () => {
  let deliveries = 0;
  await using rig = await started(1, async () => (++deliveries < 4 ? NO_ROOM : OK));
  await eventually("it is completed", () => rig.queue.topicTotals(TOPIC).done === 1);
  assert.equal(rig.queue.find(rig.ids[0] as string)?.attempts, 1);
  await rig.deliveries[Symbol.asyncDispose]();
});

test("a delivery that fails in an unexpected way is tried again when its lease has ended, and others continue", async () => {
  await using rig = await started(2, async ({ requestId }) => {
    if (requestId.startsWith(rig.ids[0] as string)) throw new Error("unexpected");
    return OK;
  });
  await eventually("the other is completed", () => rig.queue.topicTotals(TOPIC).done === 1);
  assert.equal(rig.queue.find(rig.ids[0] as string)?.status, "leased");
  await rig.deliveries[Symbol.asyncDispose]();
});

test("a call whose stored request is damaged fails with the reason, and those beside it are delivered", async () => {
  const folder = tempDir("deliveries");
  await using queue = await openJournalQueue({ folder });
  const accept = (text: string) => queue.enqueue({ topic: TOPIC, body: formatRecord(request, Buffer.from(text)) });
  const [damaged, sound] = [await accept("damaged"), await accept("sound")];
  const [name] = readdirSync(folder) as [string];
  const file = openSync(join(folder, name), "r+");
  writeSync(file, "D", readFileSync(file).indexOf("damaged"));
  closeSync(file);
  const delivered: string[] = [];
  const deliver: Deliver = async ({ body }) => {
    delivered.push(body.toString());
    return OK;
  };
  const options = { queue, deliver, log, policyOf: () => asyncPolicy(), takes: () => true };
  await using deliveries = new Deliveries({ ...options, windowOf: () => 2, orgWindowOf: () => 10 });
  deliveries.start();
  await eventually("both have ended", () => queue.topicTotals(TOPIC).done + queue.topicTotals(TOPIC).dead === 2);
  assert.deepEqual(delivered, ["sound"]);
  assert.equal(queue.find(sound.id)?.status, "done");
  const { state, deliveries: shown } = viewCall((await queue.read(damaged.id)) as StoredMessage);
  assert.deepEqual([state, shown[0]?.code], ["failed", "STATE_DAMAGED"]);
  assert.match(shown[0]?.detail ?? "", /does not match its checksum/);
});

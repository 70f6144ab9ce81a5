import assert from "node:assert/strict";
import { test } from "node:test";
import { OrganizationRuntime } from "../endpoints/organization-runtime.ts";
import { type FairlyQueuedCall, FairQueue } from "./fair-queue.ts";

/** Clock that stands still: all calls arrive at the same time, however slow the machine is. */
const NOW = 1_000;

/** Sends calls of an organization to a queue; `started` gets its name whenever one proceeds. */
function enter(queue: FairQueue, org: OrganizationRuntime, count: number, started: string[], finished = false): void {
  for (let i = 0; i < count; i++) {
    const call: FairlyQueuedCall = {
      arrived: NOW,
      finished,
      previous: undefined,
      next: undefined,
      proceed: () => started.push(org.name),
    };
    queue.enter(call, org);
  }
}

const iterations = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((done) => setImmediate(done));
};

test("starts a batch of 16 calls at once, and the rest in later iterations of the event loop", async () => {
  const queue = new FairQueue(() => NOW);
  const org = new OrganizationRuntime("acme");
  const started: string[] = [];
  enter(queue, org, 16, started);
  assert.equal(started.length, 16);
  enter(queue, org, 84, started);
  assert.equal(started.length, 16);
  await iterations(1);
  assert.equal(started.length, 32);
  await iterations(10);
  assert.equal(started.length, 100);
});

test("lets organizations take turns", async () => {
  const queue = new FairQueue(() => NOW);
  const started: string[] = [];
  enter(queue, new OrganizationRuntime("loud"), 500, started);
  enter(queue, new OrganizationRuntime("quiet"), 3, started);
  enter(queue, new OrganizationRuntime("other"), 2, started);
  await iterations(100);
  assert.equal(started.length, 505);
  assert.deepEqual(started.slice(16, 26), [
    ...["loud", "quiet", "other", "loud", "quiet", "other"],
    ...["loud", "quiet", "loud", "loud"],
  ]);
});

test("starts a new batch for a call that arrives later", () => {
  const queue = new FairQueue(() => NOW);
  const org = new OrganizationRuntime("acme");
  const started: string[] = [];
  enter(queue, org, 16, started);
  const later = { finished: false, previous: undefined, next: undefined, proceed: () => started.push("later") };
  queue.enter({ ...later, arrived: NOW + 2 }, org);
  assert.equal(started.length, 17);
});

test("skips calls whose clients have disconnected", async () => {
  const queue = new FairQueue(() => NOW);
  const org = new OrganizationRuntime("acme");
  const started: string[] = [];
  enter(queue, org, 16, started);
  enter(queue, org, 100, started, true);
  enter(queue, org, 1, started);
  await iterations(1);
  assert.equal(started.length, 17);
});

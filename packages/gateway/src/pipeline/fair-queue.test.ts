import assert from "node:assert/strict";
import { test } from "node:test";
import { OrganizationRuntime } from "../endpoints/organization-runtime.ts";
import type { Exchange } from "./exchange.ts";
import { FairQueue } from "./fair-queue.ts";

/** What `Turns` knows of a call. */
function arrive(turns: FairQueue, org: OrganizationRuntime, count: number, begun: string[], finished = false): void {
  for (let i = 0; i < count; i++) {
    const exchange = { arrived: performance.now(), finished, proceed: () => begun.push(org.name) };
    turns.enter(exchange as unknown as Exchange, org);
  }
}

const turnsOfTheLoop = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((done) => setImmediate(done));
};

test("few go on at once; of many the rest goes on in later turns of the event loop, all of them", async () => {
  const [turns, loud, begun] = [new FairQueue(), new OrganizationRuntime("loud"), [] as string[]];
  arrive(turns, loud, 16, begun);
  assert.equal(begun.length, 16);
  arrive(turns, loud, 84, begun);
  assert.equal(begun.length, 16);
  await turnsOfTheLoop(1);
  assert.ok(begun.length < 100, `${begun.length} began`);
  await turnsOfTheLoop(10);
  assert.equal(begun.length, 100);
});

test("organizations take turns: one with few does not stand behind one with many", async () => {
  const turns = new FairQueue();
  const [loud, quiet, other] = ["loud", "quiet", "other"].map((name) => new OrganizationRuntime(name)) as [
    OrganizationRuntime,
    OrganizationRuntime,
    OrganizationRuntime,
  ];
  const begun: string[] = [];
  arrive(turns, loud, 500, begun);
  arrive(turns, quiet, 3, begun);
  arrive(turns, other, 2, begun);
  await turnsOfTheLoop(100);
  assert.equal(begun.length, 505);
  assert.deepEqual(begun.slice(16, 26), [
    ...["loud", "quiet", "other", "loud", "quiet", "other"],
    ...["loud", "quiet", "loud", "loud"],
  ]);
});

test("one whose client has gone takes no turn", async () => {
  const [turns, org, begun] = [new FairQueue(), new OrganizationRuntime("acme"), [] as string[]];
  arrive(turns, org, 16, begun);
  arrive(turns, org, 100, begun, true);
  arrive(turns, org, 1, begun);
  await turnsOfTheLoop(1);
  assert.equal(begun.length, 17);
});

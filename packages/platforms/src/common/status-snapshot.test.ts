import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointStatus } from "@faas/core";
import fc from "fast-check";
import { StatusSnapshot } from "./status-snapshot.ts";

test("a snapshot has the status of every source once, and differs from the previous one at few indexes", () => {
  const step = fc.record({ index: fc.nat(9), action: fc.constantFrom("change", "remove", "take") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const statuses = new StatusSnapshot();
      const sources = Array.from({ length: 10 }, (_, i) => ({ status: statusOf(i) }));
      const present = new Set<(typeof sources)[number]>();
      let before = statuses.snapshot();
      let changed = 0;
      for (const { index, action } of steps) {
        const source = sources[index] as (typeof sources)[number];
        if (action === "change") {
          source.status = statusOf(index);
          statuses.change(source);
          present.add(source);
          changed++;
        } else if (action === "remove") {
          statuses.remove(source);
          present.delete(source);
          changed++;
        } else {
          const now = statuses.snapshot();
          assert.deepEqual(new Set(now), new Set(Array.from(present, ({ status }) => status)));
          assert.equal(now.length, present.size);
          const different = now.filter((status, i) => status !== before[i]).length;
          assert.ok(different <= changed, `${different} indexes differ after ${changed} changes`);
          before = now;
          changed = 0;
        }
      }
    }),
  );
});

test("a snapshot has the extra statuses after those of the sources", () => {
  let extra = [statusOf(1)];
  const statuses = new StatusSnapshot(() => extra);
  statuses.change({ status: statusOf(0) });
  assert.deepEqual(statuses.snapshot(), [statusOf(0), statusOf(1)]);
  extra = [];
  assert.deepEqual(statuses.snapshot(), [statusOf(0)]);
});

test("a watcher gets a snapshot at once, one for all changes in the same turn, and ends when its signal aborts", async () => {
  const statuses = new StatusSnapshot();
  const ending = new AbortController();
  const watch = statuses.watch(ending.signal);
  assert.deepEqual((await watch.next()).value, []);
  const removed = { status: statusOf(2) };
  for (const source of [{ status: statusOf(0) }, { status: statusOf(1) }, removed]) statuses.change(source);
  statuses.remove(removed);
  assert.deepEqual((await watch.next()).value, [statusOf(0), statusOf(1)]);
  const next = watch.next();
  ending.abort();
  assert.equal((await next).done, true);
});

const statusOf = (i: number): EndpointStatus => ({ org: "acme", endpoint: `e${i}`, revision: "", replicas: [] });

import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointStatus } from "@faas/core";
import fc from "fast-check";
import { StatusList } from "./status-list.ts";

test("each list has the status of every source once, and few places change with one", () => {
  const step = fc.record({ of: fc.nat(9), kind: fc.constantFrom("change", "remove", "list") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const list = new StatusList();
      const sources = Array.from({ length: 10 }, (_, i) => ({ status: statusOf(i) }));
      const present = new Set<(typeof sources)[number]>();
      let before = list.snapshot();
      let changed = 0;
      for (const { of, kind } of steps) {
        const source = sources[of] as (typeof sources)[number];
        if (kind === "change") {
          source.status = statusOf(of);
          list.change(source);
          present.add(source);
          changed++;
        } else if (kind === "remove") {
          list.remove(source);
          present.delete(source);
          changed++;
        } else {
          const now = list.snapshot();
          assert.deepEqual(new Set(now), new Set(Array.from(present, ({ status }) => status)));
          assert.equal(now.length, present.size);
          const moved = now.filter((status, i) => status !== before[i]).length;
          assert.ok(moved <= changed, `${moved} places for ${changed} changes`);
          before = now;
          changed = 0;
        }
      }
    }),
  );
});

const statusOf = (i: number): EndpointStatus => ({ org: "acme", endpoint: `e${i}`, revision: "", replicas: [] });

import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeyRecord } from "@faas/core";
import fc from "fast-check";
import { ManualClock } from "../testing/memory-link.ts";
import { describeView, LinkedControl, testView } from "../testing/test-link.ts";

const NAMES = ["acme/a", "acme/b", "other/a"] as const;
const ORGS = ["acme", "other", "empty"] as const;
const name = fc.constantFrom(...NAMES);
const key: KeyRecord = { name: "k", scope: "invoke", hash: "00", createdAt: "" };
const replica = fc.record({
  id: fc.constantFrom("r1", "r2", "r3"),
  address: fc.constantFrom("127.0.0.1:1", "127.0.0.1:2"),
  ready: fc.boolean(),
  revision: fc.constantFrom("one", "two"),
});
const failure = { revision: "one", code: "REPLICA_EXITED", detail: "It ended", lastLogLines: [] } as const;
const status = fc.record(
  {
    revision: fc.constantFrom("one", "two"),
    replicas: fc.uniqueArray(replica, { selector: ({ id }) => id, maxLength: 3 }),
    failure: fc.constant(failure),
    ended: fc.constant([{ id: "r0", ...failure }]),
  },
  { requiredKeys: ["revision", "replicas"] },
);

/** A change of the control server's state. */
const change: fc.Arbitrary<(control: LinkedControl) => void> = fc.oneof(
  fc
    .tuple(name, fc.constantFrom("one", "two"), fc.integer({ min: 1, max: 3 }), fc.constantFrom([], ["x.example.com"]))
    .map(
      ([endpoint, revision, concurrency, hostnames]) =>
        (control: LinkedControl) =>
          control.putEndpoint(endpoint, { concurrency, ...(hostnames.length > 0 ? { hostnames } : {}) }, revision),
    ),
  name.map((endpoint) => (control: LinkedControl) => control.removeEndpoint(endpoint)),
  fc.tuple(name, fc.option(status, { nil: undefined })).map(
    ([endpoint, observed]) =>
      (control: LinkedControl) =>
        control.observe(endpoint, observed),
  ),
  fc.tuple(name, fc.integer({ min: 0, max: 3 })).map(([endpoint, replicas]) => (control: LinkedControl) => {
    const served = control.registry.get(endpoint);
    if (served) control.registry.scale(served, replicas);
  }),
  fc.tuple(fc.constantFrom(...ORGS), fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined })).map(
    ([org, replicas]) =>
      (control: LinkedControl) =>
        control.putOrg(org, replicas === undefined ? undefined : { replicas, bodySize: `${replicas}Ki` }),
  ),
  fc.tuple(fc.constantFrom("k1", "k2"), fc.boolean()).map(
    ([id, exists]) =>
      (control: LinkedControl) =>
        control.putKey(id, exists ? key : undefined),
  ),
);

/** Rare: each lets the view begin with a new snapshot. */
const event = fc.oneof(
  { weight: 30, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.constant("cut") },
  { weight: 1, arbitrary: fc.constant("restart") },
);

/** Milliseconds between changes. */
const pause = fc.constantFrom(0, 1, 2, 5, 50);

test("changes lead to the same view as a snapshot, also over lost links and restarts of the control server", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(change, pause, event), { maxLength: 40, size: "max" }), (steps) => {
      const clock = new ManualClock();
      let control = new LinkedControl(clock);
      control.group.onFirstList();
      const { view, links } = testView(clock, () => control, "long");
      clock.advance(10);
      const changes: ((control: LinkedControl) => void)[] = [];
      for (const [apply, ms, event] of steps) {
        apply(control);
        changes.push(apply);
        clock.advance(ms);
        if (event === "cut") links.cut();
        if (event === "restart") {
          control.group[Symbol.dispose]();
          control = new LinkedControl(clock, String(changes.length));
          for (const each of changes) each(control);
          control.group.onFirstList();
        }
      }
      // Time to notice a lost link, and to link again.
      clock.advance(10_000);
      const { view: fresh } = testView(clock, () => control, "fresh");
      clock.advance(1_000);
      assert.equal(view.state.link, "linked");
      assert.deepEqual(describeView(view), describeView(fresh));
      assert.equal(view.registry.size, control.registry.size);
      assert.deepEqual([...view.orgs()].sort(), [...control.orgs.keys()].sort());
      for (const endpoint of control.registry.values()) {
        const seen = view.registry.get(endpoint.key);
        assert.equal(seen?.desired, endpoint.desired);
        assert.deepEqual(
          seen?.replicas.map(({ id, address }) => [id, address]),
          endpoint.replicas.map(({ id, address }) => [id, address]),
        );
      }
    }),
    { numRuns: 200 },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type EndpointStatus, endpointKey, endpointSpec, withDefaults } from "@faas/core";
import fc from "fast-check";
import { EndpointRegistry } from "./registry.ts";

const names = ["a", "b", "c", "d", "e"] as const;
const statusOf = (endpoint: string, revision: number): EndpointStatus => ({
  org: "acme",
  endpoint,
  revision: String(revision),
  replicas: [],
});

test("observes the endpoints of the latest list, in any order, and returns those that changed", () => {
  const list = fc.shuffledSubarray([...names]).chain((present) =>
    fc.tuple(
      fc.constant(present),
      // Endpoints whose status is a new object in this list.
      fc.array(fc.constantFrom(...names)),
    ),
  );
  fc.assert(
    fc.property(fc.array(list, { maxLength: 12 }), (lists) => {
      const endpoints = new EndpointRegistry({ platform: { scale: async () => {} }, log: { warn() {} } });
      const known = new Map(names.map((name) => [name as string, statusOf(name, 0)]));
      let before: readonly EndpointStatus[] = [];
      for (const [index, [present, fresh]] of lists.entries()) {
        for (const name of fresh) known.set(name, statusOf(name, index + 1));
        const now = present.map((name) => known.get(name) as EndpointStatus);
        const changed = new Set(endpoints.observe(now));
        for (const status of now) assert.ok(before.includes(status) || changed.has(status));
        for (const name of names)
          assert.equal(endpoints.isObserved(endpointKey({ org: "acme", endpoint: name })), present.includes(name));
        before = now;
      }
    }),
  );
});

test("replicas that a gateway started are desired, and begin a new idle timeout", () => {
  let now = 0;
  const scaled: number[] = [];
  const platform = { scale: async (_: unknown, replicas: number) => void scaled.push(replicas) };
  const endpoints = new EndpointRegistry({ platform, log: { warn() {} }, now: () => now });
  const ref = { org: "acme", endpoint: "a" };
  const artifact = { kind: "bundle", digest: "" } as const;
  const endpoint = endpoints.put(
    endpointSpec(ref, { id: "0", createdAt: "", artifact, settings: withDefaults({ replicas: 0 }) }),
  );
  endpoints.scale(endpoint, 0);
  now = 60_000;
  endpoints.observe([{ ...statusOf("a", 0), woken: 2 }]);
  assert.deepEqual([endpoint.desired, endpoint.lastRequestMs, endpoints.awake.has(endpoint)], [2, now, true]);
  now = 120_000;
  endpoints.observe([{ ...statusOf("a", 0), woken: 2 }]);
  assert.equal(endpoint.lastRequestMs, 60_000);
  assert.deepEqual(scaled, [0]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  endpointSpec,
  limitNumbers,
  withDefaults,
} from "@faas/core";
import fc from "fast-check";
import { EndpointRegistry } from "./registry.ts";
import { ReplicaUsage, replicaQuota } from "./replica-quota.ts";
import type { ServedEndpoint } from "./served-endpoint.ts";

const ORGS = ["acme", "globex"] as const;
const NAMES = ["a", "b", "c"] as const;

function spec(org: string, endpoint: string, replicas = 0, cpu = 100, memory = 64): EndpointSpec {
  const settings = withDefaults({ replicas, maxReplicas: 8, cpu: `${cpu}m`, memory: `${memory}Mi` });
  const artifact = { kind: "image", reference: "x" } as const;
  return endpointSpec({ org, endpoint }, { id: "r", createdAt: "", artifact, settings });
}

const NONE = { replicas: 0, cpuMillis: 0, memoryBytes: 0, diskBytes: 0 };

/** Adds up what the running totals should be. */
function sums(endpoints: readonly ServedEndpoint[]) {
  const desired = { ...NONE };
  const reserved = { ...NONE };
  for (const endpoint of endpoints) {
    const { replicas, cpuMillis, memoryBytes, diskBytes = 0 } = endpoint.spec;
    for (const [total, count] of [
      [desired, endpoint.desired],
      [reserved, Math.max(endpoint.desired, replicas)],
    ] as const) {
      total.replicas += count;
      total.cpuMillis += count * cpuMillis;
      total.memoryBytes += count * memoryBytes;
      total.diskBytes += count * diskBytes;
    }
  }
  return { desired, reserved };
}

type Operation =
  | { readonly kind: "put"; readonly replicas: number; readonly cpu: number; readonly memory: number }
  | { readonly kind: "delete" }
  | { readonly kind: "wake" }
  | { readonly kind: "scale"; readonly count: number }
  | { readonly kind: "observe"; readonly count: number }
  | { readonly kind: "limit"; readonly count: number };

const count = fc.integer({ min: 0, max: 9 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant("put"),
    replicas: fc.integer({ min: 0, max: 4 }),
    cpu: fc.integer({ min: 1, max: 2_000 }),
    memory: fc.integer({ min: 32, max: 4_096 }),
  }),
  fc.record({ kind: fc.constant("delete") }),
  fc.record({ kind: fc.constant("wake") }),
  fc.record({ kind: fc.constant("scale"), count }),
  fc.record({ kind: fc.constant("observe"), count }),
  fc.record({ kind: fc.constant("limit"), count }),
);

test("keeps the totals of an organization equal to the sums over its endpoints", async () => {
  const step = fc.tuple(fc.constantFrom(...ORGS), fc.constantFrom(...NAMES), operation);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, platformFails) => {
      let limit = Number.POSITIVE_INFINITY;
      const statuses = new Map<string, EndpointStatus>();
      const registry = new EndpointRegistry({
        platform: {
          scale: async () => {
            if (platformFails) throw new Error("no");
          },
        },
        log: { warn() {} },
        limitsOf: () => ({ ...limitNumbers({}), replicas: limit }),
      });
      for (const [org, name, operation] of steps) {
        const key = endpointKey({ org, endpoint: name });
        const endpoint = registry.get(key);
        if (operation.kind === "put")
          registry.put(spec(org, name, operation.replicas, operation.cpu, operation.memory));
        else if (operation.kind === "delete") registry.delete({ org, endpoint: name });
        else if (operation.kind === "wake") endpoint && registry.wake(endpoint);
        else if (operation.kind === "scale") endpoint && registry.scale(endpoint, operation.count);
        else if (operation.kind === "limit") {
          limit = operation.count;
          registry.limitsChanged(org);
        } else {
          const replicas = Array.from({ length: operation.count }, (_, id) => ({
            id: `${id}`,
            address: "127.0.0.1:9",
            ready: true,
            revision: "r",
          }));
          statuses.set(key, { org, endpoint: name, revision: "r", replicas });
          registry.observe([...statuses.values()]);
        }
        // Failures of the platform arrive later.
        if (platformFails) await Promise.resolve();
        for (const each of ORGS) {
          const endpoints = [...registry.values()].filter((served) => served.spec.org === each);
          const usage = registry.org(each)?.usage;
          const actual = { desired: { ...(usage?.desired ?? NONE) }, reserved: { ...(usage?.reserved ?? NONE) } };
          assert.deepEqual(actual, sums(endpoints));
        }
      }
    }),
  );
});

/** Computes the quota of an endpoint beside others, under a limit on replicas. */
function quota(limit: number, wanted: number, own: [spec: number, desired: number], ...others: [number, number][]) {
  const usage = new ReplicaUsage();
  const users = [own, ...others].map(([replicas, desired]) => ({ spec: spec("acme", "a", replicas), desired }));
  for (const user of users) usage.add(user);
  const limits = { ...limitNumbers({}), replicas: limit };
  return replicaQuota(limits, usage, users[0] as (typeof users)[0], wanted);
}

test("allows all replicas without a limit, and none when none are wanted", () => {
  assert.deepEqual(quota(Number.POSITIVE_INFINITY, 100, [0, 0], [50, 50]), { replicas: 100 });
  assert.deepEqual(quota(0, 0, [0, 0]), { replicas: 0 });
});

test("reserves for each endpoint what its settings say, even while it has no replicas", () => {
  const { replicas, limit } = quota(5, 5, [0, 0], [2, 0], [1, 1]);
  assert.equal(replicas, 2);
  assert.match(limit ?? "", /limit is 5 replicas, and its other endpoints have or reserve 3 replicas/);
});

test("gives an endpoint the replicas of its own settings before the reservations of others", () => {
  assert.equal(quota(3, 4, [2, 0], [3, 1]).replicas, 2);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { exponential } from "@faas/testing";
import fc from "fast-check";
import {
  concurrencyScaler,
  horizontalPodAutoscaler,
  type Scenario,
  simulate,
  waveAndPeak,
} from "../testing/simulations/scaling-simulation.ts";
import { desiredReplicas, NO_PANIC, type Policy, type Sample } from "./desired-replicas.ts";

const NOW = 1_000_000;
const policy: Policy = { concurrency: 10, minReplicas: 1, maxReplicas: 100 };

/** Makes two samples per second up to now, from pieces with a constant number of requests. */
function samples(...pieces: readonly { seconds: number; inFlight: number; waiting?: number }[]): Sample[] {
  const all = pieces.flatMap(({ seconds, inFlight, waiting = 0 }) =>
    Array.from({ length: seconds * 2 }, () => ({ inFlight, waiting })),
  );
  return all.map((each, i) => ({ ...each, count: 1, atMs: NOW - (all.length - 1 - i) * 500 }));
}

const cases: readonly [string, Parameters<typeof desiredReplicas>[0], Partial<Policy>, number][] = [
  ["without samples: the minimum", { samples: [], replicas: 1, panic: NO_PANIC }, {}, 1],
  [
    "keeps the number at a load of 70 % of the slots",
    { samples: samples({ seconds: 90, inFlight: 28 }), replicas: 4, panic: NO_PANIC },
    {},
    4,
  ],
  [
    "adds a replica for a steady load above that",
    { samples: samples({ seconds: 90, inFlight: 32 }), replicas: 4, panic: NO_PANIC },
    {},
    5,
  ],
  [
    "at most doubles the number without panic",
    // 30 in flight until two seconds ago, then a lull: no panic, and the stable window wants five.
    {
      samples: samples({ seconds: 58, inFlight: 30 }, { seconds: 2, inFlight: 0 }),
      replicas: 2,
      panic: NO_PANIC,
    },
    {},
    4,
  ],
  [
    "panic: grows at once to what the short window needs",
    {
      samples: samples({ seconds: 58, inFlight: 1 }, { seconds: 2, inFlight: 10, waiting: 200 }),
      replicas: 1,
      panic: NO_PANIC,
    },
    {},
    30,
  ],
  [
    "does not shrink during a panic",
    {
      samples: samples({ seconds: 90, inFlight: 0 }),
      replicas: 30,
      panic: { untilMs: NOW + 1, floor: 0, floorUntilMs: 0 },
    },
    {},
    30,
  ],
  [
    "shrinks to what the load needs after a panic",
    {
      samples: samples({ seconds: 90, inFlight: 7 }),
      replicas: 30,
      panic: { untilMs: NOW, floor: 0, floorUntilMs: NOW },
    },
    {},
    2,
  ],
  [
    "does not shrink before the load was lower for the delay",
    {
      samples: samples({ seconds: 60, inFlight: 70 }, { seconds: 30, inFlight: 7 }),
      replicas: 10,
      panic: NO_PANIC,
    },
    {},
    10,
  ],
  [
    "does not shrink at the edge",
    { samples: samples({ seconds: 90, inFlight: 27 }), replicas: 5, panic: NO_PANIC },
    {},
    5,
  ],
  [
    "never exceeds the maximum",
    { samples: samples({ seconds: 10, inFlight: 50, waiting: 900 }), replicas: 5, panic: NO_PANIC },
    { maxReplicas: 6 },
    6,
  ],
  [
    "never goes below the minimum",
    { samples: samples({ seconds: 90, inFlight: 0 }), replicas: 5, panic: NO_PANIC },
    { minReplicas: 3 },
    3,
  ],
  [
    "has free slots for random bursts: one request on average is sometimes two",
    { samples: samples({ seconds: 45, inFlight: 0 }, { seconds: 45, inFlight: 1 }), replicas: 2, panic: NO_PANIC },
    { concurrency: 1 },
    2,
  ],
];
for (const [name, load, own, expected] of cases) {
  test(name, () => assert.equal(desiredReplicas(load, { ...policy, ...own }, NOW).replicas, expected));
}

const anyLoad = fc.record({
  samples: fc.array(
    fc.record({
      atMs: fc.integer({ min: NOW - 120_000, max: NOW }),
      count: fc.integer({ min: 1, max: 5 }),
      inFlight: fc.integer({ min: 0, max: 10_000 }),
      waiting: fc.integer({ min: 0, max: 10_000 }),
    }),
  ),
  replicas: fc.integer({ min: 1, max: 100 }),
  panic: fc.record({
    untilMs: fc.integer({ min: 0, max: NOW + 60_000 }),
    floor: fc.integer({ min: 0, max: 100 }),
    floorUntilMs: fc.integer({ min: 0, max: NOW + 600_000 }),
  }),
});

test("any load: within bounds, and at most doubled without panic", () => {
  const bounds = fc.record({
    concurrency: fc.integer({ min: 1, max: 1000 }),
    minReplicas: fc.integer({ min: 1, max: 5 }),
    maxReplicas: fc.integer({ min: 5, max: 100 }),
  });
  fc.assert(
    fc.property(anyLoad, bounds, (load, own) => {
      load.samples.sort((a, b) => a.atMs - b.atMs);
      const { replicas, panic } = desiredReplicas(load, own, NOW);
      assert.ok(replicas >= own.minReplicas && replicas <= own.maxReplicas);
      if (panic.untilMs > NOW) assert.ok(replicas >= Math.min(load.replicas, own.maxReplicas));
      else assert.ok(replicas <= Math.max(own.minReplicas, load.replicas * 2));
    }),
  );
});

/** Makes a scenario: a step, noise, and so on. */
const scenario = (own: Partial<Scenario>): Scenario => ({
  seconds: 600,
  rate: () => 0,
  serviceMs: (random) => exponential(random, 100),
  coldStartMs: 600,
  concurrency: 10,
  ...own,
});
test("a step of load beyond one replica requests the second one within a second", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 4, 10, 80),
      fc.integer({ min: 0, max: 999 }),
      fc.double({ min: 1, max: 20, noNaN: true }),
      fc.integer(),
      (concurrency, offsetMs, times, seed) => {
        const at = 120 + offsetMs / 1000;
        // With few requests, which arrive at random, a step shows later.
        const capacity = (concurrency === 1 ? 5 : 3) * (concurrency / 0.1);
        const step = scenario({
          seconds: at + 1.5,
          concurrency,
          seed,
          rate: (second) => (second < at ? 0 : capacity * times),
        });
        const { changes } = simulate(step, concurrencyScaler({ concurrency, minReplicas: 1, maxReplicas: 1000 }));
        assert.ok(changes.length > 0 && (changes[0]?.desired ?? 0) >= 2);
        assert.ok((changes[0]?.atMs ?? 0) <= at * 1000 + 1000, `${(changes[0]?.atMs ?? 0) - at * 1000} ms`);
      },
    ),
    { numRuns: 25, seed: 5 },
  );
});

// Where replicas have few slots, a random burst of a few requests is a load of its own.
for (const [concurrency, maxChanges] of [
  [1, 10],
  [4, 4],
  [10, 2],
  [80, 0],
] as const) {
  test(`a steady load with noise changes the number of replicas at most ${maxChanges} times in 25 minutes, with a concurrency of ${concurrency}`, () => {
    for (const demand of [0.1, 0.35, 0.6, 1, 2, 3.5, 7, 12]) {
      // A simulation of many requests is slow, and varies less from seed to seed.
      for (const seed of demand >= 2 ? [1000] : [1000, 2000, 3000]) {
        const noisy = scenario({ seconds: 1800, concurrency, seed, rate: () => demand / 0.1 });
        const { changes } = simulate(noisy, concurrencyScaler({ concurrency, minReplicas: 1, maxReplicas: 1000 }));
        // The first minutes are the step from nothing.
        const after = changes.filter(({ atMs }) => atMs > 300_000);
        assert.ok(after.length <= maxChanges, `${demand} in flight: ${JSON.stringify(after)}`);
      }
    }
  });
}

// With one slot per replica, avoiding waits costs more replicas than an autoscaler by CPU: up to half as many more.
for (const [concurrency, serviceMs, share, maxRatio] of [
  [10, 100, 1, 1],
  [10, 500, 0.2, 1],
  [1, 100, 0.1, 1.5],
] as const) {
  test(`an hour with a wave and a peak, concurrency ${concurrency}, ${serviceMs} ms each: hardly any waits, at most ${maxRatio} x the replica-seconds of an autoscaler by CPU`, () => {
    for (const seed of share === 1 ? [1] : [1, 2, 3]) {
      const hour = scenario({
        seconds: 3600,
        rate: (second) => waveAndPeak(second) * share,
        serviceMs: (random) => exponential(random, serviceMs),
        concurrency,
        seed,
      });
      const bounds = { concurrency, minReplicas: 1, maxReplicas: 20 };
      const [byLoad, byCpu] = [
        simulate(hour, concurrencyScaler(bounds)),
        simulate(hour, horizontalPodAutoscaler(bounds)),
      ];
      const [waited, waitedByCpu] = [byLoad, byCpu].map(
        ({ waitedMs }) => waitedMs.filter((ms) => ms > 100).length / waitedMs.length,
      ) as [number, number];
      assert.ok(waited < 0.012 && waitedByCpu > 5 * waited, `${waited} and ${waitedByCpu} waited`);
      assert.ok(
        byLoad.replicaSeconds < maxRatio * byCpu.replicaSeconds,
        `${byLoad.replicaSeconds} and ${byCpu.replicaSeconds} replica-seconds`,
      );
    }
  });
}

test("after a panic one more replica than before stays for ten minutes, not as many as it reached", () => {
  const calm = samples({ seconds: 90, inFlight: 1 });
  const started = desiredReplicas(
    {
      samples: samples({ seconds: 58, inFlight: 1 }, { seconds: 2, inFlight: 10, waiting: 200 }),
      replicas: 1,
      panic: NO_PANIC,
    },
    policy,
    NOW,
  );
  const later = (ms: number, replicas: number) =>
    desiredReplicas(
      { samples: calm.map((each) => ({ ...each, atMs: each.atMs + ms })), replicas, panic: started.panic },
      policy,
      NOW + ms,
    ).replicas;
  assert.deepEqual(
    [started.replicas, later(59_000, 30), later(61_000, 30), later(659_000, 2), later(661_000, 2)],
    [30, 30, 2, 2, 1],
  );
});

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
} from "../testing/scaling-simulation.ts";
import { desiredReplicas, NO_PANIC, type Policy, type Sample } from "./desired-replicas.ts";

const NOW = 1_000_000;
const policy: Policy = { concurrency: 10, minReplicas: 1, maxReplicas: 100 };

/** Samples twice a second up to now: pieces of so many seconds with so many requests in flight, and waiting. */
function samples(...pieces: readonly { seconds: number; inFlight: number; waiting?: number }[]): Sample[] {
  const all = pieces.flatMap(({ seconds, inFlight, waiting = 0 }) =>
    Array.from({ length: seconds * 2 }, () => ({ inFlight, waiting })),
  );
  return all.map((each, i) => ({ ...each, count: 1, atMs: NOW - (all.length - 1 - i) * 500 }));
}

const cases: readonly [string, Parameters<typeof desiredReplicas>[0], Partial<Policy>, number][] = [
  ["nothing was seen: as many as there are at least", { samples: [], replicas: 1, panic: NO_PANIC }, {}, 1],
  [
    "a load of 70 % of the places is what is aimed at",
    { samples: samples({ seconds: 90, inFlight: 28 }), replicas: 4, panic: NO_PANIC },
    {},
    4,
  ],
  [
    "a steady load that is more gets more",
    { samples: samples({ seconds: 90, inFlight: 32 }), replicas: 4, panic: NO_PANIC },
    {},
    5,
  ],
  [
    "at most twice as many without panic",
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
    "panic: at once to what the short window wants",
    {
      samples: samples({ seconds: 58, inFlight: 1 }, { seconds: 2, inFlight: 10, waiting: 200 }),
      replicas: 1,
      panic: NO_PANIC,
    },
    {},
    30,
  ],
  [
    "not down while there is panic",
    {
      samples: samples({ seconds: 90, inFlight: 0 }),
      replicas: 30,
      panic: { untilMs: NOW + 1, floor: 0, floorUntilMs: 0 },
    },
    {},
    30,
  ],
  [
    "down to what the load wants when the panic is over",
    {
      samples: samples({ seconds: 90, inFlight: 7 }),
      replicas: 30,
      panic: { untilMs: NOW, floor: 0, floorUntilMs: NOW },
    },
    {},
    2,
  ],
  [
    "not down before fewer were wanted for the delay",
    {
      samples: samples({ seconds: 60, inFlight: 70 }, { seconds: 30, inFlight: 7 }),
      replicas: 10,
      panic: NO_PANIC,
    },
    {},
    10,
  ],
  ["not down at the edge", { samples: samples({ seconds: 90, inFlight: 27 }), replicas: 5, panic: NO_PANIC }, {}, 5],
  [
    "never more than allowed",
    { samples: samples({ seconds: 10, inFlight: 50, waiting: 900 }), replicas: 5, panic: NO_PANIC },
    { maxReplicas: 6 },
    6,
  ],
  [
    "never fewer than wanted at least",
    { samples: samples({ seconds: 90, inFlight: 0 }), replicas: 5, panic: NO_PANIC },
    { minReplicas: 3 },
    3,
  ],
  [
    "room for requests that come at once by chance: one at a time on average is more than one at a time",
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

test("whatever the load: within bounds, and without panic at most twice as many", () => {
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

/** Load on ready replicas, as many as are needed: a step, noise, and so on. */
const scenario = (own: Partial<Scenario>): Scenario => ({
  seconds: 600,
  rate: () => 0,
  serviceMs: (random) => exponential(random, 100),
  coldStartMs: 600,
  concurrency: 10,
  ...own,
});
test("a step of load to some times what a replica can do has the second one asked for within a second", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 4, 10, 80),
      fc.integer({ min: 0, max: 999 }),
      fc.double({ min: 1, max: 20, noNaN: true }),
      fc.integer(),
      (concurrency, offsetMs, times, seed) => {
        const at = 120 + offsetMs / 1000;
        // Requests that come by chance are two where one is expected: with few of them a step shows later.
        const capacity = (concurrency === 1 ? 5 : 3) * (concurrency / 0.1);
        const step = scenario({
          seconds: 124,
          concurrency,
          seed,
          rate: (second) => (second < at ? 0 : capacity * times),
        });
        const { changes } = simulate(step, concurrencyScaler({ concurrency, minReplicas: 1, maxReplicas: 1000 }));
        assert.ok(changes.length > 0 && (changes[0]?.desired ?? 0) >= 2);
        assert.ok((changes[0]?.atMs ?? 0) <= at * 1000 + 1000, `${(changes[0]?.atMs ?? 0) - at * 1000} ms`);
      },
    ),
    { numRuns: 50, seed: 5 },
  );
});

// Where replicas have few places, a few requests that come at once by chance are a load of their own.
for (const [concurrency, most] of [
  [1, 10],
  [4, 4],
  [10, 2],
  [80, 0],
] as const) {
  test(`a steady load with noise does not make replicas of ${concurrency} come and go: ${most} changes in 25 minutes at most`, () => {
    for (const demand of [0.1, 0.35, 0.6, 1, 2, 3.5, 7, 10, 40]) {
      for (const seed of [1000, 2000, 3000]) {
        const noisy = scenario({ seconds: 1800, concurrency, seed, rate: () => demand / 0.1 });
        const { changes } = simulate(noisy, concurrencyScaler({ concurrency, minReplicas: 1, maxReplicas: 1000 }));
        // The first minutes are the step from nothing.
        const after = changes.filter(({ atMs }) => atMs > 300_000);
        assert.ok(after.length <= most, `${demand} in flight: ${JSON.stringify(after)}`);
      }
    }
  });
}

// Where a replica has one place only, that nobody waits costs more replicas than an autoscaler by CPU has: up to half as many again.
for (const [concurrency, serviceMs, share, most] of [
  [10, 100, 1, 1],
  [10, 500, 0.2, 1],
  [1, 100, 0.1, 1.5],
] as const) {
  test(`an hour with a wave and a peak, ${concurrency} at a time, ${serviceMs} ms each: hardly anybody waits, and it takes at most ${most} x the replica-seconds of an autoscaler by CPU`, () => {
    for (const seed of [1, 2, 3]) {
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
      const [ourWait, theirWait] = [byLoad, byCpu].map(
        ({ waitedMs }) => waitedMs.filter((ms) => ms > 100).length / waitedMs.length,
      ) as [number, number];
      assert.ok(ourWait < 0.012 && theirWait > 5 * ourWait, `${ourWait} and ${theirWait} waited`);
      assert.ok(
        byLoad.replicaSeconds < most * byCpu.replicaSeconds,
        `${byLoad.replicaSeconds} and ${byCpu.replicaSeconds} replica-seconds`,
      );
    }
  });
}

test("a panic leaves one more replica than before for ten minutes, not what it was up to meanwhile", () => {
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

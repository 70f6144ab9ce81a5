import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { autoTimeout, fixedTimeout, furtherPatterns, patterns } from "../testing/simulations/idle-simulation.ts";
import { awakeMs, FIXED_PLAN, IdleHistory, isAsleep } from "./idle-history.ts";

const MINUTE_MS = 60_000;

function after(...pauses: readonly (readonly [times: number, minutes: number])[]): IdleHistory {
  const history = new IdleHistory();
  for (const [times, minutes] of pauses) for (let i = 0; i < times; i++) history.add(minutes * MINUTE_MS);
  return history;
}

test("uses the fixed timeout after few pauses, pauses beyond the histogram, or pauses of any length", () => {
  assert.equal(after().plan, FIXED_PLAN);
  assert.equal(after([7, 30]).plan, FIXED_PLAN);
  assert.equal(after([6, 30], [7, 300]).plan, FIXED_PLAN);
  assert.equal(after(...Array.from({ length: 239 }, (_, i) => [2, i + 1.5] as const)).plan, FIXED_PLAN);
});

test("ignores idle gaps under one minute", () => {
  assert.equal(after([10_000, 0.5]).plan, FIXED_PLAN);
  assert.notEqual(after([10_000, 0.5], [8, 30.5]).plan, FIXED_PLAN);
});

test("equal pauses: sleeps after a minute, wakes a tenth before the next request, sleeps again a tenth after", () => {
  const plan = after([8, 30.5]).plan;
  assert.equal(plan.sleepAfterMs, MINUTE_MS);
  assert.equal(Math.round((plan.wakeAfterMs ?? 0) / 1000), 30 * 60 * 0.9);
  assert.equal(Math.round((plan.sleepAgainAfterMs ?? 0) / 1000), Math.round(31 * 60 * 1.1));
});

test("short pauses of different lengths: stays awake until the next request", () => {
  const plan = after([10, 1.5], [10, 3.5], [10, 7.5]).plan;
  assert.equal(plan.wakeAfterMs, undefined);
  assert.ok(plan.sleepAfterMs > 8 * MINUTE_MS && plan.sleepAfterMs < 9 * MINUTE_MS);
});

test("recent pauses count more than old ones", () => {
  const plan = after([400, 30.5], [2000, 100.5]).plan;
  assert.equal(isAsleep(plan, 30.5 * MINUTE_MS), true);
  assert.equal(isAsleep(plan, 100.5 * MINUTE_MS), false);
});

test("any pauses: awake for the first minute, asleep after a long night, and awake time adds up", () => {
  const pauses = fc.array(fc.double({ min: 0, max: 400 * MINUTE_MS, noNaN: true }), { maxLength: 600 });
  fc.assert(
    fc.property(pauses, fc.nat(300), (all, minutes) => {
      const history = new IdleHistory();
      for (const pause of all) history.add(pause);
      const { plan } = history;
      assert.equal(isAsleep(plan, 59_000), false);
      assert.equal(isAsleep(plan, 12 * 60 * MINUTE_MS), true);
      let awake = 0;
      for (let second = 0; second < minutes * 60; second++) if (!isAsleep(plan, second * 1000)) awake++;
      assert.ok(Math.abs(awake - awakeMs(plan, minutes * MINUTE_MS) / 1000) <= 2);
    }),
    { numRuns: 50 },
  );
});

for (const pattern of patterns) {
  test(`auto costs less than a fixed timeout over two weeks of: ${pattern.name}`, () => {
    for (const seed of [1, 2, 3]) {
      const [five, ten] = [fixedTimeout(pattern, 5, seed), fixedTimeout(pattern, 10, seed)];
      const auto = autoTimeout(pattern, seed);
      // At most 1 % more cold starts than with the default: a few pauses can be misleading.
      assert.ok(auto.coldStarts <= 1.01 * five.coldStarts, JSON.stringify({ auto, five }));
      if (pattern.regular) {
        // Hardly any cold starts, and fewer idle replicas than with ten minutes.
        assert.ok(auto.coldStarts <= 0.1 * five.coldStarts, JSON.stringify({ auto, five }));
        assert.ok(auto.replicaSeconds < ten.replicaSeconds, JSON.stringify({ auto, ten }));
      }
      // A cold start costs as much as ten minutes of an idle replica: the sum is never higher than with a fixed timeout, except while it learns.
      const cost = ({ coldStarts, replicaSeconds }: typeof auto) => coldStarts * 600 + replicaSeconds;
      for (const fixed of [five, ten]) {
        assert.ok(cost(auto) <= 1.05 * cost(fixed) + 20 * 600, JSON.stringify({ auto, fixed }));
      }
    }
  });
}

for (const [name, group] of [
  ["that the policy was designed for", patterns],
  ["that were added afterwards", furtherPatterns],
] as const) {
  test(`auto has fewer cold starts and fewer idle replicas than ten minutes, over all patterns ${name}`, () => {
    const sum = (costs: readonly ReturnType<typeof autoTimeout>[]) => [
      costs.reduce((all, { coldStarts }) => all + coldStarts, 0),
      costs.reduce((all, { replicaSeconds }) => all + replicaSeconds, 0),
    ];
    for (const seed of [1, 2, 3]) {
      const [coldTen = 0, secondsTen = 0] = sum(group.map((pattern) => fixedTimeout(pattern, 10, seed)));
      const [cold = 0, seconds = 0] = sum(group.map((pattern) => autoTimeout(pattern, seed)));
      assert.ok(cold < coldTen && seconds < secondsTen, `${cold} ${coldTen} ${seconds} ${secondsTen}`);
    }
  });
}

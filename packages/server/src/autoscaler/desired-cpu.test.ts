import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { exponential, seeded } from "@faas/testing";
import { type CpuPolicy, type CpuState, cpuAtRest, desiredCpu } from "./desired-cpu.ts";

const SAMPLE_MS = 100;
const policy: CpuPolicy = { baseMillis: 100, maxMillis: 1000 };

/** Feeds numbers of requests at one replica, one per sample. Returns all states. */
function follow(requests: readonly number[], { replicas = 1, bounds = policy } = {}): CpuState[] {
  let state = cpuAtRest(bounds, 0);
  return requests.map((each, i) => {
    state = desiredCpu(state, { requests: each, replicas }, bounds, (i + 1) * SAMPLE_MS);
    return state;
  });
}

const seconds = (count: number, requests: number) => Array.from({ length: (count * 1000) / SAMPLE_MS }, () => requests);
const last = (states: readonly CpuState[]) => states.at(-1) as CpuState;
const limits = (states: readonly CpuState[]) => states.map(({ limitMillis }) => limitMillis);

describe("desiredCpu", () => {
  for (const [what, requests, replicas, expected] of [
    ["keeps the limit of the settings for one request at a time", seconds(60, 1), 1, 100],
    ["doubles it in the sample in which a second request waits", [2], 1, 200],
    ["rises in proportion to the requests at a replica", [14], 2, 700],
    ["rises to the maximum in one sample of ten requests", [10], 1, 1000],
    ["divides the requests among the replicas", [4], 4, 100],
    ["does not rise beyond the maximum", seconds(10, 500), 1, 1000],
  ] as const)
    test(what, () => assert.equal(last(follow(requests, { replicas })).limitMillis, expected));

  test("counts waiting requests while no replica is ready", () => {
    assert.equal(last(follow([3], { replicas: 0 })).limitMillis, 300);
  });

  test("falls to the limit of the settings in one step, ten seconds after the load is over", () => {
    const all = limits(follow([...seconds(5, 10), ...seconds(20, 0)]));
    const fell = all.findIndex((limit, i) => i > 2 && limit < 1000);
    assert.ok(fell * SAMPLE_MS > 14_000 && fell * SAMPLE_MS <= 16_000, `${fell * SAMPLE_MS} ms`);
    assert.deepEqual(new Set(all.slice(fell)), new Set([100]));
  });

  for (const requests of [2, 3, 4])
    test(`falls in one step after a short burst of ${requests} requests, too`, () => {
      const seen = limits(follow([...seconds(0.3, requests), ...seconds(20, 0)]));
      const fell = seen.findIndex((limit, i) => limit < (seen[i - 1] ?? 0));
      assert.equal(seen[fell], 100);
    });

  test("stays up while the load lasts", () => {
    assert.deepEqual(new Set(limits(follow(seconds(120, 10)).slice(2))), new Set([1000]));
  });

  test("reserves CPU only for a limit that has been needed for two seconds", () => {
    const short = follow([...seconds(1, 10), ...seconds(5, 0)]);
    assert.deepEqual(new Set(short.map(({ reservedMillis }) => reservedMillis)), new Set([100]));
    const long = follow(seconds(5, 10)).map(({ reservedMillis }) => reservedMillis);
    assert.ok(long.indexOf(1000) * SAMPLE_MS <= 2500, `${long}`);
  });

  test("gives the reservation back with the limit", () => {
    const { limitMillis, reservedMillis } = last(follow([...seconds(30, 10), ...seconds(30, 0)]));
    assert.deepEqual([limitMillis, reservedMillis], [100, 100]);
  });

  test("gives the reservation back when the average load does not need it, also while bursts keep the limit up", () => {
    const burst = [...seconds(0.2, 3), ...seconds(1.8, 0)];
    const states = follow([...seconds(60, 10), ...Array.from({ length: 30 }, () => burst).flat()]);
    assert.equal(Math.max(...limits(states.slice(-200))), 1000);
    assert.ok(Math.max(...states.slice(-200).map(({ reservedMillis }) => reservedMillis)) < 700);
  });

  test("falls at once when the maximum does", () => {
    const state = last(follow(seconds(30, 10)));
    const bounds = { ...policy, maxMillis: 300 };
    const after = desiredCpu(state, { requests: 10, replicas: 1 }, bounds, 30_100);
    assert.deepEqual([after.limitMillis, after.reservedMillis], [300, 300]);
  });

  test("changes nothing with a maximum below the limit of the settings", () => {
    const bounds = { baseMillis: 500, maxMillis: 100 };
    assert.equal(last(follow(seconds(5, 10), { bounds })).limitMillis, 500);
  });
});

interface Served {
  readonly changes: number;
  /** Latencies of the calls by the second of their arrival. */
  readonly latencies: readonly (readonly [second: number, ms: number])[];
}

/** Simulates one replica that shares its CPU among all calls, each with an exponentially distributed need of 10 ms of CPU on average. */
function serve(rate: (second: number) => number, duration: number, bounds: CpuPolicy, seed = 1): Served {
  const [arrivals, needs] = [seeded(seed), seeded(seed + 1)];
  const calls: { readonly startMs: number; leftMs: number }[] = [];
  const latencies: (readonly [number, number])[] = [];
  let state = cpuAtRest(bounds, 0);
  let [nextMs, changes] = [0, 0];
  for (let now = 0; now < duration * 1000; now++) {
    while (nextMs <= now) {
      calls.push({ startMs: now, leftMs: exponential(needs, 10) });
      nextMs += exponential(arrivals, 1000 / rate(now / 1000));
    }
    const share = state.limitMillis / 1000 / Math.max(1, calls.length);
    for (const call of calls) call.leftMs -= share;
    for (let i = calls.length - 1; i >= 0; i--) {
      const call = calls[i] as (typeof calls)[number];
      if (call.leftMs > 0) continue;
      latencies.push([call.startMs / 1000, now + 1 - call.startMs]);
      calls.splice(i, 1);
    }
    if (now % SAMPLE_MS !== 0) continue;
    const before = state.limitMillis;
    state = desiredCpu(state, { requests: calls.length, replicas: 1 }, bounds, now);
    if (state.limitMillis !== before) changes++;
  }
  return { changes, latencies };
}

function p99(latencies: Served["latencies"], from: number, to: number): number {
  const within = latencies.filter(([second]) => second >= from && second < to);
  const sorted = within.map(([, ms]) => ms).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] as number;
}

describe("simulated load", () => {
  const step = (second: number) => (second < 10 ? 2 : 30);
  for (const seed of [1, 2, 3])
    test(`a step to three times the CPU of the settings: p99 of its first five seconds is at most a third, seed ${seed}`, () => {
      const fixed = serve(step, 15, { baseMillis: 100, maxMillis: 100 }, seed);
      const raised = serve(step, 15, policy, seed);
      const ratio = p99(raised.latencies, 10, 15) / p99(fixed.latencies, 10, 15);
      assert.ok(ratio <= 0.3, `${ratio}`);
    });

  for (const perSecond of [2, 5, 8, 20, 40, 60])
    test(`a steady load of ${perSecond} calls per second changes the limit at most once in ten seconds`, () => {
      const { changes } = serve(() => perSecond, 600, policy);
      assert.ok(changes <= 60, `${changes} changes`);
    });
});

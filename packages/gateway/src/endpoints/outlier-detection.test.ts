import assert from "node:assert/strict";
import { test } from "node:test";
import { OutlierDetector } from "./outlier-detection.ts";
import { ServedReplica } from "./served-replica.ts";

/** Replicas whose requests take a given number of samples each, and a clock that the test moves. */
function simulate(...durations: number[]) {
  const replicas = durations.map(
    (_, id) => new ServedReplica({ id: `${id}`, address: "127.0.0.1:9", ready: true, revision: "r" }),
  );
  const detector = new OutlierDetector();
  const remainders = durations.map(() => 0);
  let now = 1_000_000;
  const run = (seconds: number) => {
    for (let sample = 1; sample <= seconds * 10; sample++) {
      now += 100;
      for (const [index, replica] of replicas.entries()) {
        replica.inFlight = 2;
        remainders[index] = (remainders[index] as number) + 2 / (durations[index] as number);
        const ended = Math.floor(remainders[index] as number);
        remainders[index] = (remainders[index] as number) - ended;
        replica.completed += ended;
      }
      detector.sample({ replicas, suspend: () => {}, restore: () => {} });
      if (sample % 5 === 0) detector.detect({ replicas }, now);
    }
  };
  return { replicas, run, slow: () => replicas.map(({ slow }) => slow) };
}

test("finds a replica that is far slower than its siblings", () => {
  const { run, slow } = simulate(4, 0.2, 0.2);
  run(5);
  assert.deepEqual(slow(), [true, false, false]);
});

test("tolerates replicas that are up to five times slower", () => {
  const { run, slow } = simulate(4, 1, 1);
  run(60);
  assert.deepEqual(slow(), [false, false, false]);
});

test("marks at most half of the replicas as slow", () => {
  const { run, slow } = simulate(40, 40, 40, 0.2);
  run(60);
  assert.equal(slow().filter(Boolean).length <= 2, true);
});

test("gives a slow replica another chance after ten seconds, then after twice as long, up to a minute", () => {
  const { run, slow } = simulate(4, 0.2, 0.2);
  const periods: number[] = [];
  for (let halfSeconds = 0; halfSeconds < 400; halfSeconds++) {
    const before = slow()[0];
    run(0.5);
    if (!slow()[0]) continue;
    if (before) periods.push((periods.pop() ?? 0) + 0.5);
    else periods.push(0.5);
  }
  assert.deepEqual(periods.slice(0, 4), [10, 20, 40, 60]);
});

test("has no opinion on a single replica", () => {
  const { run, slow, replicas } = simulate(40);
  const [replica] = replicas as [ServedReplica];
  replica.slow = true;
  run(5);
  assert.deepEqual(slow(), [false]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualTimers } from "../testing/manual-timers.ts";
import { Ejection } from "./ejection.ts";
import { ServedReplica } from "./served-replica.ts";

const replica = (id: string) => new ServedReplica({ id, address: "127.0.0.1:9", ready: true, revision: "r" });

/** Advances the clock until the replica returns; returns the milliseconds. */
function ejectedFor(one: ServedReplica, timers: ManualTimers): number {
  let ms = 0;
  for (; one.ejected; ms += 50) timers.advance(50);
  return ms;
}

test("ejects a replica for twice as long with each consecutive failure, at most ten seconds", () => {
  let returns = 0;
  const timers = new ManualTimers();
  const ejection = new Ejection(() => returns++, timers);
  const [bad, good] = [replica("bad"), replica("good")];
  const times = Array.from({ length: 9 }, () => {
    ejection.eject(bad, [bad, good]);
    return ejectedFor(bad, timers);
  });
  assert.deepEqual(times, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  assert.equal(returns, 9);
});

test("starts again with the shortest time after a successful response", () => {
  const timers = new ManualTimers();
  const ejection = new Ejection(() => {}, timers);
  const [bad, good] = [replica("bad"), replica("good")];
  bad.consecutiveFailures = 6;
  bad.consecutiveFailures = 0;
  ejection.eject(bad, [bad, good]);
  assert.equal(ejectedFor(bad, timers), 100);
});

test("returns all replicas after the shortest time when the last one fails", () => {
  const timers = new ManualTimers();
  const ejection = new Ejection(() => {}, timers);
  const all = [replica("a"), replica("b")];
  const [a, b] = all as [ServedReplica, ServedReplica];
  a.consecutiveFailures = 6;
  ejection.eject(a, all);
  ejection.eject(b, all);
  assert.equal(ejectedFor(b, timers), 100);
  assert.equal(a.ejected, false);
});

test("keeps a suspended replica ejected until it is restored, also when all others fail", () => {
  let returns = 0;
  const timers = new ManualTimers();
  const ejection = new Ejection(() => returns++, timers);
  const all = [replica("a"), replica("b")];
  const [a, b] = all as [ServedReplica, ServedReplica];
  ejection.eject(a, all);
  ejection.suspend(a);
  ejection.eject(b, all);
  timers.advance(60_000);
  assert.deepEqual([a.ejected, b.ejected, returns], [true, false, 1]);
  ejection.restore(a);
  assert.deepEqual([a.ejected, returns], [false, 2]);
});

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Ejection } from "./ejection.ts";
import { ServedReplica } from "./served-replica.ts";

const replica = (id: string) => new ServedReplica({ id, address: "127.0.0.1:9", ready: true, revision: "r" });

/** Milliseconds until it may be tried again. */
function suspendedFor(one: ServedReplica): number {
  let ms = 0;
  for (; one.ejected; ms += 50) mock.timers.tick(50);
  return ms;
}

test("a replica that fails again and again is left alone longer and longer, up to ten seconds, and an answer forgives it", (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  let ends = 0;
  const suspension = new Ejection(() => ends++);
  const [bad, good] = [replica("bad"), replica("good")];
  const times = Array.from({ length: 9 }, () => {
    suspension.eject(bad, [bad, good]);
    return suspendedFor(bad);
  });
  assert.deepEqual(times, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  assert.equal(ends, 9);
  bad.consecutiveFailures = 0;
  suspension.eject(bad, [bad, good]);
  assert.equal(suspendedFor(bad), 100);
});

test("when the last one fails, all are tried again soon", (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const suspension = new Ejection(() => {});
  const all = [replica("a"), replica("b")];
  const [a, b] = all as [ServedReplica, ServedReplica];
  a.consecutiveFailures = 6;
  suspension.eject(a, all);
  suspension.eject(b, all);
  assert.equal(suspendedFor(b), 100);
  assert.equal(a.ejected, false);
});

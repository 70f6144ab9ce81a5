import assert from "node:assert/strict";
import { test } from "node:test";
import { pickReplica } from "./load-balancer.ts";
import { ServedReplica } from "./served-replica.ts";

const replicas = (...inFlight: number[]) =>
  inFlight.map((count, id) => {
    const replica = new ServedReplica({ id: `${id}`, address: "127.0.0.1:9", ready: true, revision: "r" });
    replica.inFlight = count;
    return replica;
  });

test("picks the replica with the fewest requests", () => {
  assert.equal(pickReplica(replicas(3, 1, 2), 4)?.id, "1");
});

test("rotates among equally loaded replicas", () => {
  const all = replicas(1, 1, 1);
  const picked = Array.from({ length: 6 }, () => pickReplica(all, 4)?.id);
  assert.deepEqual(picked.slice(0, 3).toSorted(), ["0", "1", "2"]);
  assert.deepEqual(picked.slice(3), picked.slice(0, 3));
});

test("picks no full and no ejected replica", () => {
  const all = replicas(4, 4, 0);
  (all[2] as ServedReplica).ejected = true;
  assert.equal(pickReplica(all, 4), undefined);
  assert.equal(pickReplica([], 4), undefined);
});

test("picks a slow replica last", () => {
  const all = replicas(0, 3);
  (all[0] as ServedReplica).slow = true;
  assert.equal(pickReplica(all, 4)?.id, "1");
  assert.equal(pickReplica(all, 3)?.id, "0");
});

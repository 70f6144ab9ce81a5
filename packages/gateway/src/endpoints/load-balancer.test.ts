import assert from "node:assert/strict";
import { test } from "node:test";
import { pickReplica } from "./load-balancer.ts";
import { ServedReplica } from "./served-replica.ts";

const replicas = (slots: number, ...inFlight: number[]) =>
  inFlight.map((count, id) => {
    const replica = new ServedReplica({ id: `${id}`, address: "127.0.0.1:9", ready: true, revision: "r" }, slots);
    replica.inFlight = count;
    return replica;
  });

test("picks the replica with the fewest requests", () => {
  assert.equal(pickReplica(replicas(4, 3, 1, 2), 0)?.id, "1");
});

test("rotates among equally loaded replicas", () => {
  const all = replicas(4, 1, 1, 1);
  const picked = Array.from({ length: 6 }, (_, rotation) => pickReplica(all, rotation)?.id);
  assert.deepEqual(picked.slice(0, 3).toSorted(), ["0", "1", "2"]);
  assert.deepEqual(picked.slice(3), picked.slice(0, 3));
});

test("picks no full and no ejected replica", () => {
  const all = replicas(4, 4, 4, 0);
  (all[2] as ServedReplica).ejected = true;
  assert.equal(pickReplica(all, 0), undefined);
  assert.equal(pickReplica([], 0), undefined);
});

test("picks a slow replica last", () => {
  const all = replicas(4, 0, 3);
  (all[0] as ServedReplica).slow = true;
  assert.equal(pickReplica(all, 0)?.id, "1");
  (all[1] as ServedReplica).slots = 3;
  assert.equal(pickReplica(all, 0)?.id, "0");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseVictims, type Offer, type RoomNeed } from "./choose-victims.ts";

interface NamedOffer extends Offer {
  readonly name: string;
}

/** An endpoint that has been idle, and what its replicas reserve: CPU by node. */
const offer = (
  name: string,
  idleMs: number,
  cpus: Readonly<Record<string, number>>,
  settings: Partial<Offer> = {},
): NamedOffer => ({
  name,
  idleMs,
  keep: 0,
  frees: Object.entries(cpus).map(([node, cpuMillis]) => ({ node, cpuMillis, memoryBytes: 100 })),
  ...settings,
});

const NEED: RoomNeed = { each: { cpuMillis: 250, memoryBytes: 1000 }, resources: ["cpu"] };
const namesOf = (need: RoomNeed, offers: readonly NamedOffer[]) => chooseVictims(need, offers).map(({ name }) => name);

test("the endpoint that has been idle for longest gives way first", () => {
  const offers = [offer("new", 1_000, { a: 250 }), offer("old", 9_000, { a: 250 }), offer("middle", 5_000, { a: 250 })];
  assert.deepEqual(namesOf(NEED, offers), ["old"]);
});

test("as many give way as one replica needs, and no more", () => {
  const offers = [offer("one", 9_000, { a: 100 }), offer("two", 8_000, { a: 100 }), offer("three", 7_000, { a: 100 })];
  assert.deepEqual(namesOf(NEED, offers), ["one", "two", "three"]);
  assert.deepEqual(namesOf(NEED, [...offers, offer("large", 1_000, { a: 400 })]), ["one", "two", "three"]);
  assert.deepEqual(namesOf(NEED, [offer("small", 9_000, { a: 10 }), offer("large", 1_000, { a: 400 })]), ["large"]);
});

test("replicas beyond those of the settings give way before an endpoint loses all of its own", () => {
  const offers = [offer("all", 9_000, { a: 250 }), offer("spare", 1_000, { a: 250 }, { keep: 1 })];
  assert.deepEqual(namesOf(NEED, offers), ["spare"]);
});

test("all victims are on one node, because room on two nodes does not add up", () => {
  const offers = [
    offer("a1", 9_000, { a: 200 }),
    offer("b1", 8_000, { b: 200 }),
    offer("b2", 7_000, { b: 50 }),
    offer("a2", 6_000, { a: 50 }),
  ];
  assert.deepEqual(namesOf(NEED, offers), ["b1", "b2"]);
});

test("all idle replicas of a node give way even if they do not suffice: it may have free room of its own", () => {
  assert.deepEqual(namesOf(NEED, [offer("a", 9_000, { a: 100 }), offer("b", 8_000, { b: 120 })]), ["b"]);
  assert.deepEqual(namesOf(NEED, []), []);
});

test("only resources count that are lacking", () => {
  const offers = [offer("thin", 9_000, { a: 1 }), offer("fat", 5_000, { a: 1 }, { frees: [] })];
  assert.deepEqual(namesOf({ ...NEED, resources: ["pods"] }, offers), ["thin"]);
  const large = { ...offer("large", 1_000, {}), frees: [{ node: "a", cpuMillis: 1, memoryBytes: 5_000 }] };
  assert.deepEqual(namesOf({ ...NEED, resources: ["memory"] }, [...offers, large]), ["large"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerMessage } from "../messages.ts";
import { ownerOf } from "../owner.ts";
import { SlotLedger } from "./slot-ledger.ts";

const SELF = "self#1";
const OTHER = "other#1";
const MEMBERS = [SELF, OTHER];
const VIEW = "one";

/** Name of an organization whose slots the other gateway owns. */
const ORG = Array.from({ length: 100 }, (_, n) => `org${n}`).find((name) => ownerOf(name, MEMBERS) === OTHER) as string;

/** Gateway that has just met another one, which owns the slots of an organization of this gateway. */
function joinedLedger() {
  let nowMs = 1_000;
  const sent: PeerMessage[] = [];
  const ledger = new SlotLedger(SELF, {
    send: (_, message) => sent.push(message),
    now: () => nowMs,
    defer: (run) => run(),
  });
  const holder = { id: "", inFlight: 0, usable: true, slots: 0, contended: false };
  const user = { key: ORG, capacity: 10, waiting: 0, assignSlots() {} };
  ledger.setView(VIEW, MEMBERS);
  ledger.activate();
  ledger.added(user, holder);
  ledger.receiveSync(OTHER, { type: "sync", view: VIEW, pools: [] });
  assert.equal(ledger.active, true);
  return { ledger, holder, user, pass: (ms: number) => (nowMs += ms) };
}

test("a gateway that has just met the owner of slots may still get some from it", () => {
  const { ledger, holder, user, pass } = joinedLedger();
  assert.deepEqual([holder.slots, ledger.isUndecided(user)], [0, true]);
  pass(500);
  assert.equal(ledger.isUndecided(user), true);
  ledger.receiveSlots(OTHER, { type: "slots", view: VIEW, grants: [[ORG, "", 5]] });
  assert.deepEqual([holder.slots, ledger.isUndecided(user)], [5, false]);
});

test("a gateway that gets no slots for two seconds does not wait for any", () => {
  const { ledger, user, pass } = joinedLedger();
  pass(2_000);
  assert.equal(ledger.isUndecided(user), false);
});

test("after a change of the group, slots may be on the way again", () => {
  const { ledger, user } = joinedLedger();
  ledger.receiveSlots(OTHER, { type: "slots", view: VIEW, grants: [[ORG, "", 5]] });
  ledger.setView("two", MEMBERS);
  ledger.receiveSync(OTHER, { type: "sync", view: "two", pools: [] });
  assert.deepEqual([ledger.active, ledger.isUndecided(user)], [true, true]);
});

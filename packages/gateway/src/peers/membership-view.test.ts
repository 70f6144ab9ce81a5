import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MembershipView } from "./membership-view.ts";

const member = (id: string) => ({ id, name: id, address: "" });
const members = (view: MembershipView) => [...view.members.keys()].sort().join("");

test("views that are exchanged become the same, and none has an id twice", () => {
  const step = fc.record({ view: fc.nat(2), other: fc.nat(2), add: fc.boolean(), id: fc.constantFrom(..."abcdefgh") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const views = [new MembershipView(), new MembershipView(), new MembershipView()];
      const seen = views.map(() => new Map<string, string>());
      const note = () => {
        for (const [index, view] of views.entries()) {
          const known = seen[index]?.get(view.id);
          assert.ok(known === undefined || known === members(view));
          seen[index]?.set(view.id, members(view));
        }
      };
      for (const { view, other, add, id } of steps) {
        if (view !== other) views[view]?.merge((views[other] as MembershipView).message(true), 0);
        else if (add) views[view]?.add(member(id));
        else views[view]?.remove(id, 0);
        note();
      }
      // Exchanges views until none of them changes.
      for (let round = 0; round < 4; round++)
        for (const view of views) for (const other of views) if (view !== other) view.merge(other.message(true), 0);
      assert.equal(new Set(views.map(({ id }) => id)).size, 1);
      assert.equal(new Set(views.map(members)).size, 1);
    }),
  );
});

test("a removed member does not come back under the same id", () => {
  const [one, other] = [new MembershipView(), new MembershipView()];
  one.add(member("a"));
  other.merge(one.message(true), 0);
  one.remove("a", 0);
  one.merge(other.message(true), 0);
  assert.equal(members(one), "");
  assert.ok(other.merge(one.message(true), 0));
  assert.equal(members(other), "");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatChange } from "./changes.ts";

test("a change is shown on one line", () => {
  assert.equal(formatChange({ setting: "concurrency", from: 2, to: 80 }), "concurrency 2 -> 80");
  assert.equal(
    formatChange({ setting: "hooks", from: null, to: ["code github S"] }),
    'hooks (none) -> "code github S"',
  );
});

test("different values are shown differently, and at most in a line, however long they are", () => {
  const end = fc.string({ unit: fc.constantFrom("a", "b", " ", "ä"), maxLength: 300 });
  fc.assert(
    fc.property(fc.nat(1_000), end, end, (common, from, to) => {
      fc.pre(from !== to);
      const beginning = "a".repeat(common);
      const text = formatChange({ setting: "tool", from: beginning + from, to: beginning + to });
      const [before, after] = text.slice("tool ".length).split(" -> ");
      assert.notEqual(before, after);
      assert.ok(text.length < 450);
    }),
  );
});

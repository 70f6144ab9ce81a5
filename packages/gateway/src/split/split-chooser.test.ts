import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SplitChooser } from "./split-chooser.ts";

const chooserOf = (weights: Readonly<Record<string, number>>, sticky = "cookie") =>
  new SplitChooser({
    variants: Object.entries(weights).map(([revision, weight]) => ({ revision, weight })),
    sticky,
  });

const KEYS = Array.from({ length: 300 }, (_, index) => `caller-${index}`);

test("a changed weight moves only callers to a revision that gained or from one that lost", () => {
  const weights = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 1, max: 100 }), {
    minKeys: 1,
    maxKeys: 4,
  });
  fc.assert(
    fc.property(weights, weights, (before, after) => {
      const [first, second] = [chooserOf(before), chooserOf(after)];
      for (const key of KEYS) {
        const from = first.chooseFor(key) as string;
        const to = second.chooseFor(key) as string;
        if (from === to) continue;
        const gained = (after[to] ?? 0) > (before[to] ?? 0);
        const lost = (after[from] ?? 0) < (before[from] ?? 0);
        assert.ok(gained || lost, `${key} moved from ${from} to ${to}: ${JSON.stringify([before, after])}`);
      }
    }),
    { numRuns: 200 },
  );
});

test("between two revisions, as many callers move as the share changes, and all in one direction", () => {
  const callers = Array.from({ length: 20_000 }, (_, index) => `caller-${index}`);
  const [before, after] = [chooserOf({ next: 10, old: 90 }), chooserOf({ next: 25, old: 75 })];
  const moves = callers.map((key) => `${before.chooseFor(key)} ${after.chooseFor(key)}`);
  const count = (move: string) => moves.filter((each) => each === move).length / callers.length;
  assert.equal(count("next old"), 0);
  assert.ok(Math.abs(count("old next") - 0.15) < 0.01, String(count("old next")));
  assert.ok(Math.abs(count("next next") - 0.1) < 0.01, String(count("next next")));
});

test("all gateways choose the same revision for a caller", () => {
  const weights = { next: 30, old: 70 };
  for (const key of KEYS) assert.equal(chooserOf(weights).chooseFor(key), chooserOf(weights).chooseFor(key));
});

test("new callers are divided exactly, and keep the revision that they got", () => {
  const chooser = chooserOf({ next: 5, old: 95 });
  let next = 0;
  for (let call = 0; call < 2_000; call++) if (chooser.chooseFor(chooser.newKey()) === "next") next++;
  assert.ok(Math.abs(next - 100) <= 2, String(next));
});

test("a revision without a share gets no calls", () => {
  const chooser = chooserOf({ none: 0, all: 100 });
  for (const key of KEYS) assert.deepEqual([chooser.chooseFor(key), chooser.next()], ["all", "all"]);
});

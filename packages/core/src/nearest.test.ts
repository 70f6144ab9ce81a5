import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nearest } from "./nearest.ts";

test("finds a word with an additional, missing, replaced or swapped letter", () => {
  const known = ["invert", "resize", "convert", "mail"];
  for (const word of ["invertt", "nvert", "inxert", "ivnert", "INVERT"]) assert.equal(nearest(word, known), "invert");
  assert.equal(nearest("mial", known), "mail");
  assert.equal(nearest("something", known), undefined);
  assert.equal(nearest("", known), undefined);
});

/** Computes the distance by its definition, without a bound. */
function distance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const [x, y] = [a.slice(1), b.slice(1)];
  const swapped = a.length > 1 && a[0] === b[1] && a[1] === b[0] ? 1 + distance(a.slice(2), b.slice(2)) : 99;
  return Math.min(distance(x, y) + (a[0] === b[0] ? 0 : 1), distance(x, b) + 1, distance(a, y) + 1, swapped);
}

test("finds the first of the nearest candidates", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 7 });
  fc.assert(
    fc.property(word, fc.array(word, { maxLength: 8 }), (wanted, known) => {
      const near = known
        .map((candidate) => ({ candidate, far: distance(wanted, candidate) }))
        .filter(({ candidate, far }) => far <= Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3)));
      const least = Math.min(...near.map(({ far }) => far));
      assert.equal(nearest(wanted, known), near.find(({ far }) => far === least)?.candidate);
    }),
    { numRuns: 300 },
  );
});

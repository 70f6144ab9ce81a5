import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { quantityPattern } from "./quantity-pattern.ts";
import { CPU_UNITS, DURATION_UNITS, parseCpu, parseDuration, parseSize, SIZE_UNITS } from "./units.ts";

for (const [name, units, parse, min, max] of [
  ["timeout", DURATION_UNITS, parseDuration, 1, 86_400_000],
  ["idleTimeout", DURATION_UNITS, parseDuration, 100, 30 * 86_400_000],
  ["the wait timeout", DURATION_UNITS, parseDuration, 0, 600_000],
  ["expires", DURATION_UNITS, parseDuration, 1, 3650 * 86_400_000],
  ["cpu", CPU_UNITS, parseCpu, 10, 256_000],
  ["memory", SIZE_UNITS, parseSize, 32 * 2 ** 20, 2 ** 40],
  ["bodyLimit", SIZE_UNITS, parseSize, 0, 2 ** 40],
  ["any size", SIZE_UNITS, parseSize, 0, Number.POSITIVE_INFINITY],
  ["a size without a maximum", SIZE_UNITS, parseSize, 1234, Number.POSITIVE_INFINITY],
] as const) {
  const pattern = new RegExp(quantityPattern(units, min, max));
  const suffixes = Object.keys(units);
  const boundary = fc
    .tuple(fc.constantFrom(min, max === Number.POSITIVE_INFINITY ? 1e9 : max), fc.constantFrom(...suffixes))
    .map(([bound, suffix]) => bound / (units[suffix] as number));
  const number = fc.oneof(
    fc.nat(2 ** 31 - 1),
    fc.double({ min: 0, max: 1000, noNaN: true }),
    fc.tuple(boundary, fc.integer({ min: -5, max: 5 })).map(([at, steps]) => Math.max(0, Math.round(at) + steps)),
    fc.tuple(boundary, fc.integer({ min: -5, max: 5 })).map(([at, steps]) => Math.max(0, at + steps / 1000)),
  );
  const text = fc
    .tuple(number, fc.constantFrom("", "0", "00"), fc.nat(8), fc.constantFrom(...suffixes))
    .map(([value, zeros, decimals, suffix]) => {
      const digits = value.toFixed(decimals);
      return `${zeros}${digits}${suffix}`;
    });

  test(`the pattern of ${name} matches what the parser reads within the range`, () => {
    fc.assert(
      fc.property(text, (quantity) => {
        const value = parse(quantity) as number;
        const matches = pattern.test(quantity);
        const unit = units[quantity.replace(/^[\d.]+/, "")] as number;
        const isNearBound = Math.min(Math.abs(value - min), Math.abs(value - max)) <= Math.max(1, unit / 1000);
        const isInteger = Number.isInteger(Number.parseFloat(quantity)) && (value === min || value === max);
        if (!isNearBound || isInteger || matches)
          assert.equal(matches, value >= min && value <= max, `${quantity} is ${value}`);
      }),
      { numRuns: 2000 },
    );
  });

  test(`the pattern of ${name} matches no other text`, () => {
    for (const other of [
      "",
      "1.",
      ".5",
      "-1",
      "+1",
      "1e3",
      " 1",
      "1 ",
      "1\n",
      "1x",
      "x",
      "١ms",
      ...suffixes.filter(Boolean),
    ])
      assert.equal(pattern.test(other), parse(other) !== undefined && min <= 1, JSON.stringify(other));
  });
}

test("rejects a range without a whole number of each unit", () => {
  assert.throws(() => quantityPattern(DURATION_UNITS, 100, 200), RangeError);
});

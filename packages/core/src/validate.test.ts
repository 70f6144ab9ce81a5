import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { FaasError } from "./errors.ts";
import { validate } from "./validate.ts";

test("text and lists of a wrong length are rejected with the limit and their length", () => {
  const schema = z.object({ names: z.array(z.string().min(2).max(3)).min(1).max(2) });
  const cases: readonly (readonly [unknown, string])[] = [
    [{ names: [] }, '"names": expected at least 1 entry, got 0'],
    [{ names: ["ab", "ab", "ab"] }, '"names": expected at most 2 entries, got 3'],
    [{ names: ["a"] }, '"names.0": expected at least 2 characters, got 1'],
    [{ names: ["abcd"] }, '"names.0": expected at most 3 characters, got 4'],
  ];
  for (const [value, message] of cases)
    assert.throws(
      () => validate(schema, value, "the settings"),
      (error) => error instanceof FaasError && error.message === `In the settings: ${message}`,
      message,
    );
});

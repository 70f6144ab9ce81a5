import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { errorCodes } from "@faas/core";

const page = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)].map(
  ([, code, number]) => [code, Number(number)] as const,
);

test("docs/errors.md explains every code once, and no other", () => {
  assert.deepEqual(rows.map(([code]) => code).sort(), Object.keys(errorCodes).sort());
});

test("docs/errors.md names the status that is sent", () => {
  for (const [code, number] of rows) {
    if (number >= 100) assert.equal(number, errorCodes[code as keyof typeof errorCodes][0], code);
  }
});

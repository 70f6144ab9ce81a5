import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseCron } from "@faas/core";
import { schedulesPage } from "./schedules-page.ts";

const page = await readFile(join(import.meta.dirname, "../../docs/schedules.md"), "utf8");

/** Rows of the section with a heading, as the quoted text of their cells. */
function rowsOf(heading: string): readonly (readonly string[])[] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [rows = ""] = section.split("\n## ");
  return [...rows.matchAll(/^\| `(.+)$/gm)].map(([row]) =>
    [...row.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text),
  );
}

test('docs/schedules.md has the times that are computed ("npm run docs" writes them)', () => {
  assert.equal(page, schedulesPage(page));
});

test("docs/schedules.md has examples that are accepted, and means the same with both", () => {
  const rows = rowsOf("Syntax");
  assert.ok(rows.length > 10);
  for (const [written = "", same] of rows) {
    const { text } = parseCron(written, { seed: "acme/report" });
    if (same !== undefined) assert.equal(text, parseCron(same).text, written);
  }
});

test("docs/schedules.md lists rejected expressions that are rejected", () => {
  const rows = rowsOf("Rejected expressions");
  assert.ok(rows.length > 10);
  for (const [rejected = "", instead] of rows) {
    assert.throws(() => parseCron(rejected, { seed: "acme/report" }), { name: "FaasError" }, rejected);
    if (instead !== undefined) parseCron(instead);
  }
});

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readableFiles, root } from "./language/check.ts";

const folder = join(root, "docs/decisions");
const names = readdirSync(folder)
  .filter((name) => name !== "README.md")
  .sort();

/** Reads the head and the sections of a decision record. */
function readRecord(name: string) {
  const text = readFileSync(join(folder, name), "utf8");
  const [, number = "", title = ""] = /^# (\d+)\. (.+)\n\n/.exec(text) ?? [];
  const [, status = ""] = /^- Status: (.+)$/m.exec(text) ?? [];
  const [, date = ""] = /^- Date: (.+)$/m.exec(text) ?? [];
  const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, section = ""]) => section);
  return { name, number, title, status, date, sections };
}

const records = names.map(readRecord);

test("decision records are numbered without a gap, in the file name and in the title", () => {
  assert.ok(records.length > 20);
  records.forEach(({ name, number }, index) => {
    assert.match(name, /^\d{4}(?:-[a-z0-9]+)+\.md$/);
    assert.deepEqual([Number(name.slice(0, 4)), Number(number)], [index + 1, index + 1], name);
  });
});

test("each decision record has a status and a date", () => {
  for (const { name, status, date } of records) {
    const [, successor] = /^superseded by \[.+\]\((.+)\)$/.exec(status) ?? [];
    assert.ok(status === "accepted" || names.includes(successor ?? ""), `${name}: status "${status}"`);
    assert.equal(new Date(date).toISOString().slice(0, 10), date, name);
  }
});

test("each decision record has its context, decision and consequences, in this order", () => {
  for (const { name, sections } of records) {
    assert.deepEqual(sections.slice(0, 3), ["Context", "Decision", "Consequences"], name);
    assert.ok(
      sections.slice(3).every((section) => section === "Alternatives considered"),
      `${name}: ${sections}`,
    );
  }
});

test("the index lists each decision record with its title, status and date", () => {
  const index = readFileSync(join(folder, "README.md"), "utf8");
  const rows = index.split("\n").filter((line) => /^\| \d/.test(line));
  const expected = records.map(
    ({ name, number, title, status, date }) => `| ${number} | [${title}](${name}) | ${status} | ${date} |`,
  );
  assert.deepEqual(rows, expected);
});

test("each reference to a decision record in the sources leads to one", () => {
  const broken = readableFiles(["packages", "templates", "test"]).flatMap((file) => {
    const references = readFileSync(join(root, file), "utf8").matchAll(/decisions\/(\d{4}[\w-]*\.md)/g);
    return [...references].filter(([, name = ""]) => !names.includes(name)).map(([found]) => `${file}: ${found}`);
  });
  assert.deepEqual(broken, []);
});

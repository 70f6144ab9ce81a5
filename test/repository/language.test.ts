import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkFiles, checkText, formatFault, readableFiles, root } from "./language/check.ts";
import { findPhrases, readWordList } from "./language/word-list.ts";

const words = readWordList(readFileSync(join(root, "STYLEGUIDE.md"), "utf8"));
const problems = (file: string, text: string) =>
  checkText(file, text, words).map(({ line, problem }) => `${line} ${problem}`);

test("comments, messages and pages follow STYLEGUIDE.md", () => {
  const faults = checkFiles(readableFiles());
  assert.deepEqual(faults.map(formatFault), []);
});

test("the word list of STYLEGUIDE.md is read", () => {
  assert.ok(words.length > 20, `${words.length} rows`);
  assert.deepEqual(
    findPhrases("The former\none, and transformers; FORMER.", words).map(({ phrase, advice }) => [phrase, advice]),
    [
      ["former", "previous, previously"],
      ["FORMER", "previous, previously"],
    ],
  );
});

test("finds banned words in comments, messages and docstrings, also over two lines", () => {
  assert.deepEqual(problems("a.ts", "const a = 1; // taken\n// away\n"), ['1 "taken away"']);
  assert.deepEqual(problems("a.ts", "throw new Error(`the $" + "{x} is made anew`);"), ['1 "anew"']);
  assert.deepEqual(problems("a.ts", "/**\n * Removes it; it is\n * no replica.\n */"), ['2 "is no"']);
  assert.deepEqual(problems("a.py", '"""Reads it anew."""\nx = 1  # mends it\n'), ['1 "anew"', '2 "mends"']);
  assert.deepEqual(problems("a.md", "It takes the file away.\n"), ['1 "takes the file away"']);
});

test("ignores code, identifiers, quoted code and allowed phrases", () => {
  assert.deepEqual(problems("a.ts", "const former = /anew shall/.test(anew); // see `former`\nf('former');"), []);
  assert.deepEqual(problems("a.ts", "// There is no file, and it is no longer read.\n"), []);
  assert.deepEqual(problems("a.ts", "// Shown to everyone who deploys, not\n// to who asks."), [
    '2 "who asks"',
    '2 "to who"',
  ]);
  assert.deepEqual(problems("a.ts", "const a = b / c; // no regex\nconst d = `$" + "{`x` + '}'}/`; f(d / 2);"), []);
  assert.deepEqual(problems("a.md", "Run `former`:\n\n    former\n\n```\nanew\n```\n"), []);
});

test("finds comments on declarations that do not start with a verb or a noun", () => {
  assert.deepEqual(problems("a.ts", "/** Whether it runs. */\nreadonly runs: boolean;"), [
    '1 comment starts with "Whether"',
  ]);
  assert.deepEqual(problems("a.ts", "// Where it is,\n// always.\nexport function where() {}"), [
    '1 comment starts with "Where"',
  ]);
  assert.deepEqual(problems("a.py", "# What it says\nasync def say():\n"), ['1 comment starts with "What"']);
  assert.deepEqual(problems("a.ts", "// Where nothing listens, wait.\nif (ready()) {\n  go();\n}"), []);
  assert.deepEqual(problems("a.ts", "/** One-line summary. */\n// Item\nconst a = () => 1;"), []);
});

test("finds test names that start with a relative clause", () => {
  assert.deepEqual(problems("a.test.ts", 'test("what is left is removed", () => {});'), [
    '1 test name starts with "what"',
  ]);
  assert.deepEqual(problems("a.test.ts", 'test("removes what is left", () => call("what is left"));'), []);
});

test("finds lines of a page with two sentences, or with a part of one", () => {
  assert.deepEqual(problems("a.md", "It works. It is fast.\n"), ["1 two sentences in a line"]);
  assert.deepEqual(problems("a.md", "- Use `a`. `b` is for others.\n"), ["1 two sentences in a line"]);
  assert.deepEqual(problems("a.md", "It works\nand is fast.\n"), ["1 sentence over two lines"]);
  assert.deepEqual(problems("a.md", "1. It works, e.g. Linux.\n2. It is fast:\n   very.\n\n## 1. A. B\n"), []);
});

test("finds table cells that are paragraphs", () => {
  const row = (length: number) => `| a | b |\n|---|---|\n| [x](${"u".repeat(300)}) | ${"y".repeat(length)} |\n`;
  assert.deepEqual(problems("a.md", row(201)), ["3 table cell of 201 characters"]);
  assert.deepEqual(problems("a.md", row(200)), []);
});

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../repository/source-files.ts";
import { runPage, stepsOf } from "./page.ts";

/** `FAAS_TEST_APPS=all` runs the pages that install packages too. */
const all = process.env.FAAS_TEST_APPS === "all";
const QUICK = ["webhook.md"];

const pages = globSync("docs/tutorials/*.md", { cwd: root })
  .map((page) => ({ name: basename(page), text: readFileSync(join(root, page), "utf8") }))
  .filter(({ name }) => name !== "README.md");

describe("the commands of a tutorial print what the page shows", () => {
  for (const { name, text } of pages.filter(({ name }) => all || QUICK.includes(name)))
    test(name, async () => void (await runPage(text)));
});

test("each tutorial has files, commands and outputs, and the index lists it", () => {
  const index = readFileSync(join(root, "docs/tutorials/README.md"), "utf8");
  assert.ok(pages.length >= 4);
  for (const { name, text } of pages) {
    assert.ok(index.includes(`](${name})`), name);
    const steps = stepsOf(text);
    const outputs = steps.filter((step) => "output" in step);
    assert.ok(steps.some((step) => "file" in step) && outputs.length >= 3, name);
  }
});

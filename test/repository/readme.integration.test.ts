import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runPage, stepsOf } from "../tutorials/page.ts";
import { root } from "./source-files.ts";

test("the command blocks of the README's tour work in their order", async () => {
  const text = await readFile(join(root, "README.md"), "utf8");
  assert.ok(stepsOf(text).length >= 5);
  assert.match(await runPage(text), /\{"hello":"you"\}[\s\S]*\{"hello":"you"\}/);
});

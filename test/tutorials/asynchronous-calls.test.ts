import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../repository/source-files.ts";
import { runPage, stepsOf } from "./page.ts";

test("the commands of docs/asynchronous-calls.md print what the page shows", async () => {
  const page = await readFile(join(root, "docs/asynchronous-calls.md"), "utf8");
  assert.ok(stepsOf(page).filter((step) => "output" in step).length >= 5);
  await runPage(page);
});

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { cliPage } from "./cli-page.ts";

test('docs/cli.md matches the program ("npm run docs" writes it)', async () => {
  assert.equal(await readFile(join(import.meta.dirname, "../../docs/cli.md"), "utf8"), await cliPage());
});

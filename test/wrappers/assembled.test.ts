import assert from "node:assert/strict";
import { test } from "node:test";
import { committedText, generatedFiles } from "../../packages/wrappers/assemble.ts";

for (const file of generatedFiles) {
  test(`${file.path} matches its sources ("npm run wrappers" writes it)`, async () => {
    assert.equal(await committedText(file), await file.text());
  });
}

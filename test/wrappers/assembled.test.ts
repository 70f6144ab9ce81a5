import assert from "node:assert/strict";
import { test } from "node:test";
import { committedText, generatedFiles } from "../../packages/wrappers/assemble.ts";

test("the Node wrapper loads node:http without TLS, which an import would load", async () => {
  const wrapper = generatedFiles.find(({ path }) => path.endsWith(".mjs"));
  assert.ok(wrapper);
  assert.doesNotMatch(String(await wrapper.text()), /^import .* from "node:https?";$/m);
});

for (const file of generatedFiles) {
  test(`${file.path} matches its sources ("npm run wrappers" writes it)`, async () => {
    assert.equal(await committedText(file), await file.text());
  });
}
